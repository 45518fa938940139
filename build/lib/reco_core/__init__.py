"""ReCo: regional contrast for semantic segmentation (Liu, Zhi, Johns and Davison, ICLR 2022).

Dimension letters, the same in code and book:

    B  images in a batch          H, W  height and width of the images, pixels
    C  classes                    h, w  height and width of the network's output
    D  representation dimensions  N     pixels in a batch, B * h * w
    Q  queries of one class       K     negative keys

Everywhere: images are float (B, 3, H, W) in [0, 1], labels int64 (B, H, W), and the label 255 is ignored.
"""

IGNORE_INDEX = 255
__version__ = "0.1.0"
