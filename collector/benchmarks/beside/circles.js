/** The same day in the way of 2017: a path, and a circle for every row with its mouse handler, in SVG. */
import { painted, text } from "./painted.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [1390, 440];
const svg = document.createElementNS(SVG, "svg");
const path = document.createElementNS(SVG, "path");
const circles = document.createElementNS(SVG, "g");
svg.append(path, circles);
document.getElementById("chart").append(svg);
let rows = [];
let domain = [0, 1];

async function read() {
  const lines = (await text()).trim().split("\n").slice(1);
  return lines.map((line) => {
    const [timestamp, consumption] = line.split(",");
    return { timestamp: new Date(timestamp), consumption: +consumption };
  });
}

function place() {
  const [from, to] = domain;
  const x = ({ timestamp }) => ((timestamp - from) / (to - from)) * WIDTH;
  const y = ({ consumption }) => HEIGHT - consumption / 2;
  path.setAttribute("d", `M${rows.map((row) => `${x(row)},${y(row)}`).join("L")}`);
  const all = [...circles.children];
  rows.forEach((row, i) => {
    all[i].setAttribute("cx", x(row));
    all[i].setAttribute("cy", y(row));
  });
}

async function draw() {
  rows = await read();
  domain = [rows[0].timestamp.getTime(), rows.at(-1).timestamp.getTime()];
  for (let i = circles.childElementCount; i < rows.length; i++) {
    const circle = document.createElementNS(SVG, "circle");
    circle.setAttribute("r", 1.5);
    circle.addEventListener("mouseover", () => {});
    circles.append(circle);
  }
  place();
}

await draw();
window.drawnAt = await painted();

window.zoom = async (from, to) => {
  const begin = performance.now();
  const [first, last] = domain;
  domain = [first + from * (last - first), first + to * (last - first)];
  place();
  const took = (await painted()) - begin;
  domain = [first, last];
  return took;
};

window.live = async () => {
  await draw();
  await painted();
};
