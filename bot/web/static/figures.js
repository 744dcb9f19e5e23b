// The page's tables as pictures, in the colours of the page; without this script the tables stand.

import { all, byId } from "./dom.js";

const data = JSON.parse(byId("chart-data").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
let charts = [];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const OF = { bot: "--bar-bot", tutor: "--bar-tutor", classmate: "--bar-mate", department: "--boss" };
// Told apart without colours, too.
const DASHES = { bot: [], tutor: [6, 3], classmate: [2, 3], department: [8, 3, 2, 3] };

const scales = (isLying = false) => {
  const counts = { beginAtZero: true, ticks: { precision: 0 }, grid: { color: colour("--line") } };
  const names = { grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 12 } };
  return isLying ? { x: counts, y: names } : { x: names, y: counts };
};

function bars(id, { names, counts }, isLying = false) {
  const canvas = byId(id);
  if (!canvas) return [];
  const chart = new Chart(canvas, {
    type: "bar",
    data: {
      labels: names,
      datasets: [{ data: counts, backgroundColor: colour("--bar-tutor"), borderRadius: 4 }],
    },
    options: {
      indexAxis: isLying ? "y" : "x",
      maintainAspectRatio: false,
      animation: false,
      plugins: { legend: { display: false } },
      scales: scales(isLying),
    },
  });
  return [chart];
}

function draw() {
  for (const chart of charts) chart.destroy();
  Chart.defaults.color = colour("--muted");
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  const trend = new Chart(byId("trend"), {
    type: "line",
    data: {
      labels: data.days,
      datasets: data.trend.map(({ who, name, counts }) => ({
        label: name,
        data: counts,
        borderColor: colour(OF[who]),
        backgroundColor: colour(OF[who]),
        borderDash: DASHES[who],
        borderWidth: 2,
        pointRadius: data.days.length > 40 ? 0 : 2,
        tension: 0.2,
      })),
    },
    options: {
      maintainAspectRatio: false,
      animation: isStill ? false : { duration: 300 },
      interaction: { mode: "index", intersect: false },
      plugins: { legend: { position: "bottom", labels: { usePointStyle: true, pointStyle: "line" } } },
      scales: scales(),
    },
  });
  charts = [trend, ...bars("steps", data.steps), ...bars("reminders", data.reminders, true)];
}

for (const place of all(".canvas")) place.hidden = false;
for (const numbers of all(".numbers")) numbers.open = false;
draw();
dark.addEventListener("change", draw);
