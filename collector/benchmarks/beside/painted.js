/** When the frame with what was drawn until now is painted: what is posted in its beginning comes after it. */
export const painted = () =>
  new Promise((done) => {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => done(performance.now());
      port2.postMessage(0);
    });
  });

/** The day's file as text. */
export async function text() {
  const answer = await fetch(new URLSearchParams(location.search).get("file"), { cache: "no-store" });
  return answer.text();
}
