import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Storage } from '@counterstep/actions';
import { afterEach, beforeEach, describe, expect, test } from './runner.js';

/** What the suite needs of an implementation; made anew, and empty, for each test. */
export interface StorageHarness {
  readonly storage: Storage;
  close(): Promise<void>;
}

const ODD_KEYS = [
  'a b',
  'ä/日本/🚚.txt',
  '100%?#&+=.jpg',
  "it's/(1)*!,;:@$~",
  '...',
  '.hidden/..b',
  'x'.repeat(255),
];
const BAD_KEYS = [
  '',
  '/',
  '/a',
  'a/',
  'a//b',
  '.',
  '..',
  '../a',
  'a/../../b',
  'a/./b',
  'a\\b',
  'a\u0000b',
  'a\nb',
  'a\ud800',
  'x'.repeat(256),
  'ä'.repeat(128),
  `${'x/'.repeat(512)}x`,
];

/** Defines the tests that every implementation of the port `Storage` must pass. `timeoutMs` (default 30,000) bounds each. */
export function storageConformance(
  name: string,
  makeHarness: () => Promise<StorageHarness>,
  { timeoutMs = 30_000 }: { timeoutMs?: number } = {},
): void {
  describe(`${name} keeps the promises of the storage`, () => {
    let harness: StorageHarness;
    let storage: Storage;
    const promised = (fact: string, run: () => Promise<void>) => test(fact, run, timeoutMs);

    beforeEach(async () => {
      harness = await makeHarness();
      storage = harness.storage;
    }, timeoutMs);
    afterEach(async () => harness.close(), timeoutMs);

    const write = async (key: string, content: string | Buffer) =>
      storage.write(key, Readable.from([Buffer.from(content)]));
    const read = async (key: string) => buffer(await storage.read(key));
    const absent = { code: 'NO_SUCH_FILE', retryable: false };

    promised('what was written is read byte for byte', async () => {
      for (const size of [0, 1, 65_537, 11 * 1_048_576]) {
        const content = randomBytes(size);
        const chunks = size > 65_536 ? [content.subarray(0, 65_536), content.subarray(65_536)] : [content];
        expect(await storage.write(`of/${size}`, Readable.from(chunks))).toEqual({ key: `of/${size}`, size });
        expect((await read(`of/${size}`)).equals(content)).toBe(true);
      }
    });

    promised('a key has what was written last', async () => {
      await write('a/b', 'a longer text');
      await write('a/b', 'short');
      expect(String(await read('a/b'))).toBe('short');
      expect(await storage.list('')).toEqual(['a/b']);
    });

    promised('what is not there cannot be read, and is deleted all the same', async () => {
      await expect(storage.read('no/such')).rejects.toMatchObject(absent);
      await write('a/b/c', 'x');
      await expect(storage.read('a/b')).rejects.toMatchObject(absent);
      await storage.delete('a/b');
      await storage.delete('no/such');
      await storage.delete('a/b/c/d');
      expect(await storage.list('')).toEqual(['a/b/c']);
      await storage.delete('a/b/c');
      await expect(storage.read('a/b/c')).rejects.toMatchObject(absent);
    });

    promised('the list has the keys that begin with the prefix, sorted', async () => {
      expect(await storage.list('')).toEqual([]);
      const keys = ['b', 'a/c', 'a/b/1', 'a/b2', 'aa'];
      for (const key of keys) await write(key, key);
      expect(await storage.list('')).toEqual([...keys].sort());
      expect(await storage.list('a')).toEqual(['a/b/1', 'a/b2', 'a/c', 'aa']);
      expect(await storage.list('a/')).toEqual(['a/b/1', 'a/b2', 'a/c']);
      expect(await storage.list('a/b')).toEqual(['a/b/1', 'a/b2']);
      expect(await storage.list('c/d')).toEqual([]);
      await expect(storage.list('../')).rejects.toMatchObject({ code: 'BAD_KEY' });
    });

    promised('a key may have any character of names', async () => {
      for (const key of ODD_KEYS) await write(key, key);
      for (const key of ODD_KEYS) expect(String(await read(key))).toBe(key);
      expect(await storage.list('')).toEqual([...ODD_KEYS].sort());
      for (const key of ODD_KEYS) await storage.delete(key);
      expect(await storage.list('')).toEqual([]);
    });

    promised(
      'a key that would leave the storage, or that another one could not keep, is refused',
      async () => {
        for (const key of BAD_KEYS) {
          const content = Readable.from(['x']);
          const refused = { code: 'BAD_KEY', retryable: false };
          await expect(storage.write(key, content)).rejects.toMatchObject(refused);
          expect(content.destroyed).toBe(true);
          await expect(storage.read(key)).rejects.toMatchObject(refused);
          await expect(storage.delete(key)).rejects.toMatchObject(refused);
        }
        expect(await storage.list('')).toEqual([]);
      },
    );

    promised('a source that fails leaves what was there, and nothing of its own', async () => {
      await write('kept', 'before');
      const failing = (bytes: number) =>
        Readable.from(
          (async function* () {
            yield randomBytes(bytes);
            throw new Error('the cable is out');
          })(),
        );
      for (const bytes of [1, 7 * 1_048_576]) {
        await expect(storage.write('kept', failing(bytes))).rejects.toThrow('the cable is out');
        await expect(storage.write('new/file', failing(bytes))).rejects.toThrow('the cable is out');
      }
      expect(String(await read('kept'))).toBe('before');
      expect(await storage.list('')).toEqual(['kept']);
    });

    promised('a write that is stopped leaves what was there, and nothing of its own', async () => {
      await write('kept', 'before');
      const content = Readable.from(['x']);
      await expect(
        storage.write('kept', content, AbortSignal.abort(new Error('too late'))),
      ).rejects.toThrow();
      expect(content.destroyed).toBe(true);
      for (const key of ['kept', 'new/file']) {
        const stop = new AbortController();
        let reading = () => {};
        const goesOn = new Promise<void>((resolve) => (reading = resolve));
        let given = false;
        // Gives something, and never any more.
        const source = new Readable({
          highWaterMark: 1,
          read() {
            if (given) reading();
            else this.push(randomBytes(100));
            given = true;
          },
        });
        const writing = storage.write(key, source, stop.signal);
        writing.catch(() => {});
        await goesOn;
        stop.abort(new Error('too late'));
        await expect(writing).rejects.toThrow();
        expect(source.destroyed).toBe(true);
      }
      expect(String(await read('kept'))).toBe('before');
      expect(await storage.list('')).toEqual(['kept']);
    });

    promised('of two writers of one key one wins, whole', async () => {
      const contents = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(100_000));
      await Promise.all(contents.map((content) => write('same/key', content)));
      expect(contents).toContain(String(await read('same/key')));
      expect(await storage.list('')).toEqual(['same/key']);
    });

    promised('a folder may go with its last file while another file comes', async () => {
      const busy = async (name: string) => {
        for (let count = 0; count < 50; count += 1) {
          await write(`one/folder/${name}`, name);
          await storage.delete(`one/folder/${name}`);
        }
      };
      await Promise.all(['a', 'b', 'c'].map(busy));
      expect(await storage.list('')).toEqual([]);
    });

    promised('writing and deleting side by side do not disturb each other', async () => {
      const keys = Array.from({ length: 30 }, (_, index) => `many/${index % 3}/${index}`);
      await Promise.all(
        keys.map(async (key, index) => {
          await write(key, key);
          if (index % 2 === 0) await storage.delete(key);
        }),
      );
      const kept = keys.filter((_, index) => index % 2 === 1);
      expect(await storage.list('many/')).toEqual([...kept].sort());
      for (const key of kept) expect(String(await read(key))).toBe(key);
    });
  });
}
