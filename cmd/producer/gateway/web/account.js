// The account page: log in and out, and hear notifications while somebody is logged in.
const form = document.getElementById("login");
const who = document.getElementById("who");
const buttons = [document.getElementById("logout"), document.getElementById("everywhere")];
let events;

async function show() {
  const answer = await fetch("/session");
  const user = answer.ok ? (await answer.json()).user : "";
  form.hidden = user !== "";
  buttons.forEach((button) => { button.hidden = user === ""; });
  who.textContent = user ? `Logged in as ${user}` : "Nobody is logged in";
  if (user && !events) listen();
  if (!user && events) { events.close(); events = undefined; }
}

function listen() {
  events = new EventSource("/v1/notifications");
  events.onmessage = (event) => {
    const told = JSON.parse(event.data);
    const item = document.createElement("li");
    item.textContent = `${told.title}: ${told.body}`;
    document.getElementById("notifications").prepend(item);
  };
  // The browser comes back by itself, unless it was turned away: then the session has ended.
  events.onerror = () => { if (events && events.readyState === EventSource.CLOSED) { events = undefined; show(); } };
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body),
  });
  if (!answer.ok) {
    who.textContent = (await answer.json()).detail;
    return;
  }
  await show();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  post("/login", { user: fields.get("user"), password: fields.get("password") });
});
buttons[0].addEventListener("click", () => post("/logout"));
buttons[1].addEventListener("click", () => post("/logout-everywhere"));
show();
