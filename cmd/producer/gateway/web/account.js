// The account page: log in and out, and hear notifications while somebody is logged in.
const form = document.getElementById("login");
const who = document.getElementById("who");
const notifications = document.getElementById("notifications");
const buttons = [document.getElementById("logout"), document.getElementById("everywhere")];
let events;

async function show() {
  const answer = await fetch("/session").catch(() => undefined);
  if (answer?.status !== 200 && answer?.status !== 401) { // neither yes nor no: the gateway or its Redis is away
    setTimeout(show, 2000);
    return;
  }
  const user = answer.ok ? (await answer.json()).user : "";
  form.hidden = user !== "";
  buttons.forEach((button) => { button.hidden = user === ""; });
  who.textContent = user ? `Logged in as ${user}` : "Nobody is logged in";
  if (user && !events) listen();
  if (!user) forget();
}

// forget leaves nothing of a user to whoever comes next.
function forget() {
  events?.close();
  events = undefined;
  notifications.replaceChildren();
}

function listen() {
  events = new EventSource("/v1/notifications");
  events.onmessage = (event) => {
    const told = JSON.parse(event.data);
    const item = document.createElement("li");
    item.textContent = `${told.title}: ${told.body}`;
    notifications.prepend(item);
  };
  // The browser comes back by itself, unless it was turned away: then the session may have ended.
  events.onerror = () => { if (events?.readyState === EventSource.CLOSED) { events = undefined; show(); } };
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body),
  });
  if (!answer.ok) {
    who.textContent = (await answer.json()).detail;
    return;
  }
  form.reset(); // the password is not for whoever comes after a logout
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
