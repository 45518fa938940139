document.addEventListener("DOMContentLoaded", () => {
  // The theme's "download source" button opens a notebook as JSON text: give it the attribute that saves the file.
  for (const link of document.querySelectorAll("a.btn-download-source-button")) {
    link.setAttribute("download", "");
    link.removeAttribute("target");
  }
  // A control with words on it must be called by those words (WCAG 2.5.3), not by another label.
  for (const control of document.querySelectorAll("summary[aria-label], .search-button-field")) {
    if (control.textContent.trim()) control.removeAttribute("aria-label");
  }
  // On a narrow screen wide tables scroll by themselves: by keyboard too.
  for (const table of document.querySelectorAll(".bd-article table")) table.tabIndex = 0;
  // Roles that the page generator leaves half done.
  for (const list of document.querySelectorAll("[role=list].citation-list")) list.removeAttribute("role");
  for (const part of document.querySelectorAll("dt.sig dl, dt.sig dl dd")) part.setAttribute("role", "presentation");
});

// Previews of links: formulas are set once the preview has its place on the page; before, nothing in it can be measured.
document.addEventListener("DOMContentLoaded", () => {
  window.tippy?.setDefaultProps({
    onMount: (preview) => {
      if (preview.popper.querySelector(".math:not(:has(mjx-container))")) MathJax.typesetPromise([preview.popper]);
    },
  });
});

// The titles of the icons inside would count as words on the button; the button has a label of its own.
const untitle = () => {
  for (const icon of document.querySelectorAll(".theme-switch-button i, .theme-switch-button svg")) {
    icon.querySelector("title")?.remove();
    for (const name of ["title", "aria-labelledby", "role"]) icon.removeAttribute(name);
    icon.setAttribute("aria-hidden", "true");
  }
};
document.addEventListener("DOMContentLoaded", untitle);
window.addEventListener("load", untitle);
