/** The same day with ECharts, as its documentation advises for many points. */
import * as echarts from "./echarts.esm.min.mjs";
import { painted, text } from "./painted.js";

async function read() {
  const lines = (await text()).trim().split("\n").slice(1);
  return lines.map((line) => {
    const comma = line.indexOf(",");
    return [Date.parse(line.slice(0, comma)), Number(line.slice(comma + 1))];
  });
}

const chart = echarts.init(document.getElementById("chart"), null, { renderer: "canvas" });
chart.setOption({
  animation: false,
  xAxis: { type: "time" },
  yAxis: { type: "value" },
  tooltip: { trigger: "axis" },
  dataZoom: [{ type: "inside" }, { type: "slider" }],
  series: [{ type: "line", showSymbol: false, sampling: "minmax", step: "end", areaStyle: {}, data: await read() }],
});
window.drawnAt = await painted();

window.zoom = async (from, to) => {
  const begin = performance.now();
  chart.dispatchAction({ type: "dataZoom", start: from * 100, end: to * 100 });
  return (await painted()) - begin;
};

window.live = async () => {
  chart.setOption({ series: [{ data: await read() }] });
  await painted();
};
