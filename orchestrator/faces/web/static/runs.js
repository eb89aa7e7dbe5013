// The list of runs: which are chosen, and a filter that acts when a choice is made.

const HERE = "#chosen input[name=run]";

function boxes() {
  return [...document.querySelectorAll(HERE)];
}

function show() {
  const all = document.getElementById("choose-all");
  const words = document.getElementById("how-many");
  if (!all || !words) return;
  const found = boxes();
  const number = found.filter((box) => box.checked).length;
  all.checked = number > 0 && number === found.length;
  all.indeterminate = number > 0 && number < found.length;
  const text = number ? `${number} chosen` : "none chosen";
  if (words.textContent !== text) words.textContent = text;
  for (const button of document.querySelectorAll("#chosen button[name=act]")) button.disabled = !number;
}

// What is chosen stays so while the list follows the state: its rows are drawn anew.
let chosen = new Set();

document.addEventListener("change", (event) => {
  if (event.target.id === "choose-all") for (const box of boxes()) box.checked = event.target.checked;
  if (event.target.matches(`#choose-all, ${HERE}`)) {
    chosen = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
    show();
  }
  if (event.target.matches("#filter select, #filter input[type=date]")) event.target.form.requestSubmit();
});

document.addEventListener("htmx:after:swap", () => {
  for (const box of boxes()) box.checked = chosen.has(box.value);
  show();
});

// What is as usual need not stand in the address.
document.getElementById("filter")?.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (!value || value === "-started") event.formData.delete(name);
});

show();
