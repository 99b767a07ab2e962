// The gateway's shop in a real browser: a session that outlives the gateway, notifications that a worker sends, and a user
// who is signed out everywhere.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { accessible, launch, open, screenshot } from "./lib/browser.mjs";
import { Programs } from "./lib/programs.mjs";
import { Redis, freePort } from "./lib/redis.mjs";
import { until } from "./lib/until.mjs";

const password = "correct horse battery";

let redis, programs, browser, port, address, credentials, gateway;

before(async () => {
  redis = await Redis.start();
  programs = new Programs(redis.url);
  programs.env.NAVVY_GATEWAY_KEY = "k".repeat(32); // cookies outlive the process
  browser = await launch();
  credentials = join(redis.dir, "credentials");
  const lines = ["alice", "bob", "carol"].map((name) => programs.input(password + "\n", "producer", "password", name));
  writeFileSync(credentials, lines.join(""), { mode: 0o600 });
  port = await freePort();
  address = `http://127.0.0.1:${port}`;
  await serve();
  await programs.start("worker", ["run", "--queues", "default=1"], "worker starts");
});

after(async () => {
  await browser?.close();
  await programs?.stop();
  await redis?.stop();
});

async function serve() {
  gateway = await programs.start("producer",
    ["serve", "--addr", `127.0.0.1:${port}`, "--shop", "--auth", "none", "--credentials", credentials], "gateway is listening");
}

// submit fills in the form of the account page.
async function submit(page, name, secret) {
  await page.getByLabel("User").fill(name);
  await page.getByLabel("Password").fill(secret);
  await page.getByRole("button", { name: "Log in" }).click();
}

// login opens a browser of its own for a user. It returns when the page hears notifications.
async function login(name, options) {
  const page = await open(browser, options);
  await page.goto(address + "/pages/account");
  await nobody(page);
  const listening = page.waitForResponse((answer) => answer.url().endsWith("/v1/notifications") && answer.ok());
  await submit(page, name, password);
  await loggedIn(page, name);
  await listening;
  return page;
}

const loggedIn = (page, name) => page.getByRole("status").getByText(`Logged in as ${name}`).waitFor();
const nobody = (page) => page.getByRole("status").getByText("Nobody is logged in").waitFor();
const told = (page, text) => page.getByRole("listitem").filter({ hasText: text });

// enqueue gives the worker a job.
const enqueue = (kind, data) => programs.run("producer", "enqueue", kind, "--queue", "default", "--data", JSON.stringify(data));
const notify = (user, title) => enqueue("notify.send", { user_id: user, type: "order", title, body: "on its way" });

// unexpected leaves out what the browser says of answers that the page expects.
const unexpected = (page) => page.errors.filter((error) => !/status of 401|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_EMPTY/.test(error));

test("nobody gets in with a wrong password, and a login makes a cookie that scripts cannot read", async () => {
  const page = await open(browser);
  await page.goto(address + "/pages/account");
  await submit(page, "alice", "wrong password");
  await page.getByRole("status").getByText("wrong").waitFor();
  assert.deepEqual(await page.context().cookies(), []);

  await submit(page, "alice", password);
  await loggedIn(page, "alice");
  const [cookie] = await page.context().cookies();
  assert.equal(cookie.name, "__Host-session");
  assert.ok(cookie.httpOnly && cookie.secure && cookie.sameSite === "Lax", JSON.stringify(cookie));
  assert.equal(await page.evaluate(() => document.cookie), "");
  await page.getByRole("button", { name: "Log out", exact: true }).click();
  await nobody(page);
  await page.context().addCookies([cookie]); // somebody has kept it
  await page.reload();
  await nobody(page);
  assert.deepEqual(unexpected(page), []);
  await page.context().close();
});

test("the pages are accessible", async () => {
  const page = await login("carol", { bypassCSP: true });
  for (const path of ["/pages/account", "/pages/home"]) {
    await page.goto(address + path);
    assert.deepEqual(await accessible(page), [], path);
  }
  await page.context().close();
});

test("a session and its notifications outlive the gateway", async () => {
  const alice = await login("alice");
  const bob = await login("bob");
  notify("alice", "Shovel");
  await told(alice, "Shovel: on its way").waitFor();
  await screenshot(alice, "gateway-notified");

  for (const [signal, title] of [["SIGTERM", "Lantern"], ["SIGKILL", "Boots"]]) {
    gateway.kill(signal);
    await gateway.ended;
    notify("alice", title); // while no browser can be told
    await until("the worker has sent it", () => !programs.json("monitor", "queues", "--json")
      .some(({ queue, waiting, in_flight }) => queue === "default" && waiting + in_flight > 0));
    await serve();
    await told(alice, `${title}: on its way`).waitFor(); // the page was not loaded again
  }
  assert.equal(await told(alice, "on its way").count(), 3, "each is told once");
  assert.equal(await told(bob, "on its way").count(), 0, "Bob is told of Alice's orders");
  await loggedIn(alice, "alice");
  await bob.reload(); // asks for everything anew
  await loggedIn(bob, "bob");
  assert.deepEqual(unexpected(alice), []);
  await alice.getByRole("button", { name: "Log out", exact: true }).click();
  await nobody(alice);
  assert.equal(await told(alice, "on its way").count(), 0, "whoever comes next sees Alice's notifications");
  await alice.context().close();
  await bob.context().close();
});

test("a session outlives Redis, and the page waits for it", async () => {
  const page = await login("carol");
  await redis.kill();
  const fresh = await page.context().newPage(); // what somebody sees who comes now
  await fresh.goto(address + "/pages/account");
  assert.equal(await fresh.getByRole("status").innerText(), "");
  await redis.run();
  await loggedIn(fresh, "carol");
  notify("carol", "Pickaxe");
  await told(page, "Pickaxe: on its way").waitFor();
  await loggedIn(page, "carol");
  await page.context().close();
});

test("signed out everywhere, by the user and by a job", async () => {
  const [laptop, phone, bob] = [await login("alice"), await login("alice"), await login("bob")];
  await laptop.getByRole("button", { name: "Log out everywhere" }).click();
  await nobody(laptop);
  await nobody(phone); // by itself: its notifications end, and it looks
  assert.equal(await phone.getByLabel("Password").inputValue(), "", "the form still knows the password");
  await screenshot(phone, "gateway-signed-out");
  await phone.reload();
  await nobody(phone);

  await loggedIn(bob, "bob");
  enqueue("session.revoke", { user_id: "bob" });
  await nobody(bob);
  for (const page of [laptop, phone, bob]) {
    assert.deepEqual(unexpected(page), []);
    await page.context().close();
  }
});
