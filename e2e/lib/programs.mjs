// The programs of bin/, run against one Redis server.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { until } from "./until.mjs";

const bin = join(import.meta.dirname, "..", "..", "bin");

export class Programs {
  constructor(url) {
    this.env = { ...process.env, REDIS_URL: url, NAVVY_LOG_FORMAT: "json" };
    this.running = [];
  }

  // run runs a program to its end and returns what it printed.
  run(name, ...args) { return this.input("", name, ...args); }

  // input does so with text on its standard input.
  input(text, name, ...args) {
    const ended = spawnSync(join(bin, name), args, { env: this.env, encoding: "utf8", input: text });
    if (ended.status !== 0) throw new Error(`${name} ${args.join(" ")}: ${ended.status}\n${ended.stderr}`);
    return ended.stdout;
  }

  // json runs a program that prints JSON lines.
  json(name, ...args) {
    return this.run(name, ...args).trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  // start starts a program; ready, if given, must occur in what it writes before start returns.
  async start(name, args, ready) {
    const child = spawn(join(bin, name), args, { env: this.env });
    child.said = "";
    for (const out of [child.stdout, child.stderr]) out.on("data", (data) => { child.said = (child.said + data).slice(-100_000); });
    child.ended = new Promise((resolve) => child.once("exit", resolve));
    this.running.push(child);
    if (ready) {
      await until(`${name} says ${ready}`, () => {
        if (child.exitCode !== null) throw new Error(`${name} ${args.join(" ")} ended with ${child.exitCode}:\n${child.said}`);
        return child.said.includes(ready);
      });
    }
    return child;
  }

  async stop() {
    for (const child of this.running) {
      child.kill("SIGCONT");
      child.kill("SIGKILL");
    }
    await Promise.all(this.running.map((child) => child.ended));
  }
}
