// Finding while typing: the same address, the same page; only its results are put in place.

const DELAY = 250;
const form = document.querySelector("form.filters");
const field = form.elements.q;
const count = document.getElementById("found");
let timer = 0;
let request = new AbortController();

function address() {
  const given = [...new FormData(form)].filter(([, value]) => value !== "");
  const query = new URLSearchParams(given).toString();
  return query ? `${form.action}?${query}` : form.action;
}

async function find() {
  request.abort();
  request = new AbortController();
  const where = address();
  try {
    const answer = await fetch(where, { signal: request.signal });
    if (!answer.ok || answer.redirected) return location.assign(where);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const results = fresh.getElementById("results");
    // Only the results: the field keeps its focus and what is being typed.
    document.getElementById("results").replaceWith(results);
    history.replaceState(null, "", where);
    count.textContent = results.dataset.words;
  } catch (error) {
    if (error.name !== "AbortError") count.textContent = "没有连上，请再试或按「筛选」。";
  }
}

field.addEventListener("input", (event) => {
  // While an input method composes, the words are not there yet.
  if (event.isComposing) return;
  clearTimeout(timer);
  timer = setTimeout(find, DELAY);
});
field.addEventListener("compositionend", () => {
  clearTimeout(timer);
  timer = setTimeout(find, DELAY);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  find();
});
