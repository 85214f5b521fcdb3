/** Letting the browser paint before the next long piece of work. */

/** Resolves when what was drawn until now can be seen; at once in a page that cannot be seen. */
export function painted() {
  if (document.hidden) return Promise.resolve();
  return new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done));
  });
}
