// Attention differences of a baseline: lines with bands, numbers at the pointer.
const hiddenKinds = new Set();

function startCurves() {
  const box = byId("curve");
  if (!box) return;
  fill(byId("curve-baseline"), content.curves.map((curve) => [curve.id, curve.name]));
  const paint = () => {
    const curve = content.curves.find((entry) => entry.id === byId("curve-baseline").value);
    keepOptions("curve-measure", curve.lines.map((line) => line.measure));
    keepOptions("curve-tensor", curve.lines.map((line) => line.tensor));
    drawCurves(box, curve, paint);
  };
  for (const id of ["baseline", "measure", "tensor", "over"]) byId(`curve-${id}`).addEventListener("change", paint);
  whenResized(paint);
  paint();
}

function keepOptions(id, values) {
  const select = byId(id), before = select.value, options = [...new Set(values)];
  fill(select, options.map((value) => [value, value]));
  if (options.includes(before)) select.value = before;
}

function drawCurves(box, curve, repaint) {
  const [measure, tensor, over] = ["measure", "tensor", "over"].map((id) => byId(`curve-${id}`).value);
  const all = curve.lines.filter((line) => line.measure === measure && line.tensor === tensor);
  const lines = all.filter((line) => !hiddenKinds.has(line.kind));
  const places = curve[over];
  const svg = canvasIn(box, `${measure} over ${over}`);
  box.replaceChildren(svg);
  const own = lines.flatMap((line) => [...line.mean, ...line.low, ...line.high]).filter((value) => value > 0);
  // A control that hardly changes at all would squash everything else.
  const floor = Math.min(...own) / 30;
  box.append(curveLegend(all, floor, repaint));
  if (!own.length) return;
  const values = [...own, ...lines.flatMap((line) => line.control || []).filter((value) => value > floor)];
  // Noise is left in both: steps rise, timesteps fall.
  const [first, last] = over === "steps" ? [0, curve.calls - 1] : [Math.max(...places), Math.min(...places)];
  const x = (value) => LEFT + ((value - first) / (last - first || 1)) * (WIDTH - RIGHT - LEFT);
  const [low, high] = [Math.log10(Math.min(...values)) - 0.1, Math.log10(Math.max(...values)) + 0.1];
  const y = (value) => HEIGHT - BOTTOM - ((Math.log10(value) - low) / (high - low)) * (HEIGHT - BOTTOM - TOP);
  drawSegments(svg, curve, places, x);
  drawLogGrid(svg, low, high, y);
  const span = over === "steps" ? ticks(0, curve.calls - 1, WIDTH / 100) : ticks(Math.min(...places), Math.max(...places), WIDTH / 100);
  for (const value of span) draw(svg, "text", { x: x(value), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, number(value));
  draw(svg, "text", { class: "label", x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 10, "text-anchor": "middle" },
    over === "steps" ? "denoising step (noise → image)" : "timestep (noise → image)");
  const middle = (TOP + HEIGHT - BOTTOM) / 2;
  draw(svg, "text", { class: "label", x: 16, y: middle, "text-anchor": "middle", transform: `rotate(-90 16 ${middle})` }, measure);
  for (const line of lines) drawLine(svg, line, places, x, y, floor);
  follow(svg, curve, lines, places, x);
}

function drawSegments(svg, curve, places, x) {
  const at = (step) => x(places[curve.steps.indexOf(step)]);
  const parts = [];
  if (curve.first !== null) parts.push([LEFT, at(curve.first), "first 15 %"]);
  if (curve.last !== null) parts.push([at(curve.last), WIDTH - RIGHT, "last 15 %"]);
  for (const [from, to, text] of parts) {
    draw(svg, "rect", { class: "shade", x: from, y: TOP, width: Math.max(0, to - from), height: HEIGHT - BOTTOM - TOP });
    draw(svg, "text", { x: (from + to) / 2, y: TOP + 14, "text-anchor": "middle" }, text);
  }
}

function drawLogGrid(svg, low, high, y) {
  const powers = [];
  for (let power = Math.ceil(low); power <= high; power += 1) powers.push(power);
  const wide = powers.length < 2 ? [1, 2, 5] : [1];
  for (let power = Math.floor(low); power <= high; power += 1) {
    for (const factor of wide) {
      const value = factor * 10 ** power;
      if (Math.log10(value) < low || Math.log10(value) > high) continue;
      draw(svg, "line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) });
      draw(svg, "text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, value.toExponential(0));
    }
  }
}

function drawLine(svg, line, places, x, y, floor) {
  const path = (values) => {
    let pen = "M", text = "";
    values.forEach((value, i) => {
      if (value > 0) { text += `${pen}${x(places[i]).toFixed(1)} ${y(value).toFixed(1)}`; pen = "L"; } else pen = "M";
    });
    return text;
  };
  const whole = places.map((_, i) => i).filter((i) => line.low[i] > 0);
  const there = whole.map((i) => `${x(places[i]).toFixed(1)} ${y(line.high[i]).toFixed(1)}`);
  const back = [...whole].reverse().map((i) => `${x(places[i]).toFixed(1)} ${y(line.low[i]).toFixed(1)}`);
  const style = `var(--${line.kind})`;
  draw(svg, "path", { d: `M${[...there, ...back].join("L")}Z`, fill: style, opacity: 0.18 });
  draw(svg, "path", { d: path(line.mean), fill: "none", stroke: style, "stroke-width": 2 });
  const control = line.control?.map((value) => (value > floor ? value : null));
  if (control) draw(svg, "path", { d: path(control), fill: "none", stroke: style, "stroke-width": 1.2, "stroke-dasharray": "5 4" });
}

function follow(svg, curve, lines, places, x) {
  const cursor = draw(svg, "line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  svg.addEventListener("pointermove", (event) => {
    const frame = svg.getBoundingClientRect();
    const pointer = ((event.clientX - frame.left) / frame.width) * WIDTH;
    const nearest = places.reduce((best, place, i) =>
      Math.abs(x(place) - pointer) < Math.abs(x(places[best]) - pointer) ? i : best, 0);
    cursor.setAttribute("x1", x(places[nearest]));
    cursor.setAttribute("x2", x(places[nearest]));
    cursor.setAttribute("visibility", "visible");
    const numbers = lines.map((line) => `${line.label}: ${number(line.mean[nearest])}`
      + (line.control ? ` (random weights: ${number(line.control[nearest])})` : ""));
    tip([`step ${curve.steps[nearest]}, timestep ${curve.timesteps[nearest]}`, ...numbers].join("\n"), event);
  });
  svg.addEventListener("pointerleave", () => { cursor.setAttribute("visibility", "hidden"); untip(); });
}

function curveLegend(lines, floor, repaint) {
  const legend = make("div", { class: "legend" });
  for (const line of lines) {
    const label = make("label");
    const tick = make("input", { type: "checkbox" });
    tick.checked = !hiddenKinds.has(line.kind);
    tick.addEventListener("change", () => {
      if (tick.checked) hiddenKinds.delete(line.kind); else hiddenKinds.add(line.kind);
      repaint();
    });
    const mark = make("i");
    mark.style.background = `var(--${line.kind})`;
    const below = line.control?.every((value) => !(value > floor));
    label.append(tick, mark, make("span", {}, line.label + (below ? " (random weights: far below)" : "")));
    legend.append(label);
  }
  return legend;
}
