// Drives BullMQ for bench: one order a line on stdin, one answer a line on stdout, in turn; it ends with stdin.
// Arguments: host and port of Redis, bytes of a payload, jobs that run at once.
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'

const [host, port, size, slots] = process.argv.slice(2)
const connection = { host, port: Number(port), maxRetriesPerRequest: null }
const name = 'bench'
const queue = new Queue(name, { connection, defaultJobOptions: { removeOnComplete: true } })
let worker

// As in payload.go: the number of the job, then text that differs from job to job.
const numberWidth = 10
const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'
const pads = Array.from({ length: 64 }, () =>
  Array.from({ length: Number(size) - '{"pad":""}'.length - numberWidth },
    () => letters[Math.floor(Math.random() * letters.length)]).join(''))
const args = n => ({ pad: String(n).padStart(numberWidth, '0') + pads[n % pads.length] })
const numberOf = job => Number(job.data.pad.slice(0, numberWidth))
const micros = () => performance.now() * 1000

const add = n => queue.add('bench.noop', args(n))

async function work(handle) {
  worker = new Worker(name, async job => handle(numberOf(job)), { connection, concurrency: Number(slots) })
  worker.on('error', fail)
  await worker.waitUntilReady()
}

const orders = {
  async enqueue({ jobs, callers, ms }) {
    const end = performance.now() + ms
    let next = 0
    let done = 0
    await Promise.all(Array.from({ length: callers }, async () => {
      while (next < jobs && performance.now() < end) {
        await add(++next)
        done++
      }
    }))
    return { done }
  },

  async fill({ jobs }) {
    for (let n = 0; n < jobs;) {
      const batch = []
      while (batch.length < 500 && n < jobs) batch.push({ name: 'bench.noop', data: args(n++) })
      await queue.addBulk(batch)
    }
    return {}
  },

  async drain({ jobs }) {
    let run = 0
    await new Promise((resolve, reject) => {
      work(() => { if (++run === jobs) resolve() }).catch(reject)
    })
    return {}
  },

  async drained() {
    const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized', 'failed')
    return { drained: Object.values(counts).every(n => n === 0) }
  },

  async idle({ samples, ms }) {
    const warmUp = 20
    let started
    await work(() => started(micros()))
    const found = []
    const begin = performance.now()
    for (let i = 0; i < samples && (performance.now() - begin < ms || found.length === 0); i++) {
      await wait(2 + Math.random() * 4)
      const start = new Promise(resolve => { started = resolve })
      const before = micros()
      await add(i)
      const waited = await start - before
      if (i >= warmUp || performance.now() - begin > ms / 4) found.push(waited)
    }
    return { micros: found }
  },

  // It enqueues what is due without waiting for what went before: no slow call delays the load.
  async paced({ rate, ms }) {
    const first = 1000 // the numbers below warm up
    const behind = 1_000_000
    const every = 1_000_000 / rate
    const jobs = Math.max(1, Math.floor(rate * ms / 1000))
    const found = new Array(jobs)
    let left = jobs
    let begin
    let late = false
    let all
    const started = new Promise(resolve => { all = resolve })
    await work(number => {
      const n = number - first
      if (n < 0) return
      found[n] = micros() - begin - n * every
      if (found[n] > behind) late = true
      if (--left === 0) all()
    })
    for (let n = 0; n < 20; n++) await add(n)
    begin = micros()
    for (let n = 0; n < jobs && !late;) {
      for (; n < jobs && begin + n * every <= micros(); n++) add(first + n).catch(fail)
      // a timer is a millisecond late: near the next job it looks at each turn of the event loop
      await (begin + n * every - micros() > 2000 ? wait(1) : new Promise(setImmediate))
    }
    const patience = wait(Math.max(0, (begin + jobs * every + behind - micros()) / 1000), undefined, { ref: false })
    await Promise.race([started, patience])
    return late || left > 0 ? { behind: true } : { micros: found }
  },

  async usage() {
    const { user, system } = process.cpuUsage()
    return { cpu: user + system }
  },
}

function fail(error) {
  process.stderr.write(`bullmq: ${error.stack}\n`)
  process.exit(1)
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line)
  let answer
  try {
    answer = await orders[order.do](order)
  } catch (error) {
    answer = { error: error.message }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
await worker?.close(true)
await queue.close()
process.exit(0)
