// A private Redis server for one test file, on a port of its own.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./until.mjs";

const binary = process.env.REDIS_SERVER || "redis-server";

export const freePort = () => new Promise((resolve, reject) => {
  const server = createServer();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

const answers = (port) => new Promise((resolve) => {
  const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
  socket.once("data", (data) => { socket.destroy(); resolve(String(data).startsWith("+PONG")); });
  socket.once("error", () => resolve(false));
});

export class Redis {
  static async start() {
    const redis = new Redis();
    redis.dir = mkdtempSync(join(tmpdir(), "navvy-e2e-"));
    redis.port = await freePort();
    await redis.run();
    return redis;
  }

  get url() { return `redis://127.0.0.1:${this.port}/0`; }

  // run starts the server, also again after kill: what it had saved is there.
  async run() {
    this.process = spawn(binary, [
      "--port", this.port, "--bind", "127.0.0.1", "--dir", this.dir, "--appendonly", "yes", "--save", "", "--daemonize", "no",
    ], { stdio: "ignore" });
    await until("Redis answers", () => answers(this.port));
  }

  async kill() {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGKILL");
    await ended;
  }

  async stop() {
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }

  // command runs one command through redis-cli and returns what it prints.
  command(...args) {
    return execFileSync("redis-cli", ["-p", String(this.port), ...args], { encoding: "utf8" }).trim();
  }
}
