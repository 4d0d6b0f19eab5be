// Waiting, and with how much.

/** Full numbers, or a small version for every day? */
export const soaking = !['', '0', undefined].includes(process.env.SOAK);

export const sleep = ms => new Promise(done => setTimeout(done, ms));

/** Waits until `check` says yes; throws when it has not after a generous while. */
export async function eventually(what, check, ms = 30_000) {
    for (const limit = performance.now() + ms; performance.now() < limit; await sleep(20)) if (await check()) return;
    throw new Error(`never came true: ${what}`);
}

/** Runs `work` for every item, so many at once. */
export async function forEach(items, atOnce, work) {
    const rest = [...items.entries()];
    await Promise.all(Array.from({ length: atOnce }, async () => {
        for (let next; (next = rest.shift());) await work(next[1], next[0]);
    }));
}
