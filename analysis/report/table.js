// The summary: sortable by every column, a click chooses a point.
function startTable() {
  const table = byId("points");
  const head = make("thead");
  const line = make("tr");
  const body = make("tbody");
  const rows = content.rows.map((row) => ({ row, element: tableRow(row) }));
  content.columns.forEach((column, place) => {
    const cell = make("th", { scope: "col" });
    if (column.numeric) cell.className = "number";
    const button = make("button", { type: "button" }, column.header);
    button.addEventListener("click", () => sortBy(place));
    cell.append(button);
    line.append(cell);
  });
  head.append(line);
  table.append(head, body);
  body.append(...rows.map((entry) => entry.element));

  let sorted = { place: null, up: true };
  function sortBy(place) {
    sorted = { place, up: sorted.place === place ? !sorted.up : true };
    rows.sort((a, b) => compare(a.row.cells[place][1], b.row.cells[place][1], sorted.up));
    body.append(...rows.map((entry) => entry.element));
    [...line.children].forEach((cell, index) => {
      if (index === place) cell.setAttribute("aria-sort", sorted.up ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    });
  }

  whenChosen((job) => {
    for (const { row, element } of rows) element.classList.toggle("chosen", row.job === job);
  });
}

// Missing values stay at the end, whichever way the rest is sorted.
function compare(a, b, up) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" && typeof b === "number"
    ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
  return up ? order : -order;
}

function tableRow(row) {
  const element = make("tr", { "data-job": row.job });
  row.cells.forEach(([text, , interval], place) => {
    const cell = make("td", {}, text);
    if (interval) cell.append(make("small", {}, interval));
    if (content.columns[place].numeric) cell.className = "number";
    element.append(cell);
  });
  if (row.ok) {
    element.tabIndex = 0;
    element.addEventListener("click", () => choose(row.job));
    element.addEventListener("keydown", (event) => {
      if (event.key === "Enter") choose(row.job);
    });
  } else {
    element.lastElementChild.classList.add("bad");
  }
  return element;
}
