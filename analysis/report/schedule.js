// The plan of the chosen point: dark cells compute, pale ones reuse, others do in some videos.
function startSchedule() {
  const select = byId("schedule-point");
  if (!select) return;
  const jobs = Object.keys(content.schedules);
  fill(select, jobs.map((job) => [job, labelOf(Number(job))]));
  const paint = () => drawSchedule(content.schedules[select.value]);
  select.addEventListener("change", () => choose(Number(select.value)));
  whenChosen((job) => { if (jobs.includes(String(job))) { select.value = String(job); paint(); } });
  whenTheme(paint);
  paint();
}

function labelOf(job) {
  return content.rows.find((row) => row.job === job).label;
}

function told(share, videos) {
  if (share === 0 || share === 1) return share ? "reuses" : "computes";
  return `reuses in ${Math.round(share * videos)} of ${videos} videos and lanes`;
}

function drawSchedule(plan) {
  const calls = plan.timesteps.length;
  byId("schedules").replaceChildren(...plan.tables.map((table) => {
    const figure = make("figure"), canvas = make("canvas", { width: calls, height: table.depth });
    const bytes = Uint8Array.from(atob(table.bits), (char) => char.charCodeAt(0));
    const reuse = (block, call) => bytes[block * calls + call] / 255;
    const pen = canvas.getContext("2d");
    for (let block = 0; block < table.depth; block += 1) {
      for (let call = 0; call < calls; call += 1) {
        pen.globalAlpha = 1 - 0.82 * reuse(block, call);
        pen.fillStyle = colour(table.kind);
        pen.fillRect(call, table.depth - 1 - block, 1, 1);
      }
    }
    canvas.addEventListener("pointermove", (event) => {
      const frame = canvas.getBoundingClientRect();
      const call = Math.min(calls - 1, Math.floor(((event.clientX - frame.left) / frame.width) * calls));
      const line = Math.floor(((event.clientY - frame.top) / frame.height) * table.depth);
      const block = Math.max(0, table.depth - 1 - line);
      tip(`${table.heading}, block ${block}\ncall ${call}, timestep ${plan.timesteps[call]}\n${told(reuse(block, call), plan.videos)}`, event);
    });
    canvas.addEventListener("pointerleave", untip);
    let reused = 0;
    for (let block = 0; block < table.depth; block += 1) for (let call = 0; call < calls; call += 1) reused += reuse(block, call);
    const share = Math.round((100 * reused) / (calls * table.depth));
    figure.append(canvas, make("figcaption", {}, `${table.heading}: ${share} % of the visits reuse; ${table.depth} blocks up, ${calls} calls across`));
    return figure;
  }));
}
