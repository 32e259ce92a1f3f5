// Search, and links between the tree and the picture. The page is complete without it.
const field = document.querySelector("input[type=search]");
const entries = [...document.querySelectorAll(".tree li")];
const lines = [...document.querySelectorAll("tbody tr")];
const boxes = [...document.querySelectorAll("g[data-path]")];
field.hidden = false;

function clear() {
  for (const each of document.querySelectorAll(".here")) each.classList.remove("here");
}

function find() {
  const word = field.value.toLowerCase();
  for (const each of [...entries, ...lines]) each.classList.toggle("out", !each.textContent.toLowerCase().includes(word));
  if (word) for (const each of document.querySelectorAll(".tree details")) each.open = true;
}

function rowOf(path) {
  return document.querySelector(`.tree .row[data-path="${CSS.escape(path)}"]`);
}

// Marks a module in the tree, and in the picture the box of it or of the nearest module around it.
function show(path) {
  clear();
  const row = rowOf(path);
  if (row) row.classList.add("here");
  for (let each = row?.closest("li").parentElement.closest("details"); each; each = each.parentElement.closest("details")) {
    each.open = true;
  }
  for (let around = path; around; around = around.slice(0, Math.max(around.lastIndexOf("/"), 0))) {
    const shown = boxes.filter((each) => each.dataset.path === around);
    for (const each of shown) each.classList.add("here");
    if (shown.length) return { row, box: shown[0] };
  }
  return { row };
}

field.addEventListener("input", find);
addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target !== field) {
    field.focus();
    field.select();
    event.preventDefault();
  } else if (event.key === "Escape") {
    field.value = "";
    find();
    clear();
    field.blur();
  } else if (event.key === "Enter" && event.target === field) {
    const hits = entries.filter((each) => !each.classList.contains("out"));
    if (hits.length) show(hits.pop().querySelector(".row").dataset.path).box?.scrollIntoView({ block: "center" });
  }
});
document.querySelector(".tree").addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (row) show(row.dataset.path);
});
for (const box of boxes) {
  box.addEventListener("click", () => show(box.dataset.path).row?.scrollIntoView({ block: "nearest" }));
}
