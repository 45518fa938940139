"""What one does with a trained network: relations between classes, boundaries, predictions, pictures."""
