import { describe, expect, test } from '@jest/globals';
import { appendFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StepRunOptions } from '@counterstep/steps';
import { StepExecutionError, StepOrchestrator, StepRegistry } from '@counterstep/steps';
import { filesIn } from '../../test-support/files.js';
import type { UploadWorld } from '../../test-support/upload-runs.js';
import { TestUpload, Told, afterUpload, failing, inWorld } from '../../test-support/upload-runs.js';
import type { UploadContext } from './upload-context.js';

const files = { 'image/a.jpg': 'a', 'image/b.jpg': 'b', 'image/c.jpg': 'c', 'label/a.json': '{}' };
const STEPS = [
  'initialize',
  'validate_files',
  'analyze_collection',
  'organize_files',
  'generate_data_units',
  'upload_files',
  'process_metadata',
];

const endOf = async (action: TestUpload, options = {}) => {
  const thrown: unknown = await action.run(options).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(StepExecutionError);
  return thrown as StepExecutionError;
};

/** Runs `work` in a world with files and metadata, and checks that in the end nothing is left, and nothing is lost. */
const leavingNothing = (work: (world: UploadWorld, action: TestUpload) => Promise<void>) =>
  inWorld(async (world) => {
    await world.given(files);
    const metadataPath = await world.sheet([
      ['file', 'place'],
      ['a', 'Bern'],
      ['b', 'Basel'],
    ]);
    const before = await filesIn(world.source);
    await work(world, new TestUpload(world.params({ metadataPath, retries: 1 }), world.runtime));
    expect(await world.leftBehind()).toEqual([]);
    expect(await filesIn(world.source)).toMatchObject(before);
  });

describe('an upload leaves nothing', () => {
  test.each(STEPS)('when a step right after %s fails', async (name) => {
    await leavingNothing(async (world, action) => {
      const ids: number[] = [];
      action.change = (registry) => {
        registry.insertAfter(name, failing('saboteur'));
        registry.insertBefore(
          'saboteur',
          new Told('look', () => ids.push(...world.backend.uploads.dataUnits(7).map(({ id }) => id))),
        );
      };
      const error = await endOf(action);
      expect(error).toMatchObject({ step: 'saboteur', rollbackFailures: [] });
      const uploaded = STEPS.indexOf(name) >= STEPS.indexOf('upload_files');
      expect(ids).toHaveLength(uploaded ? 3 : 0);
      for (const id of ids) expect(world.backend.uploads.metadataOf(7, id)).toEqual({});
      const { organizedFiles, uploadedFiles, createdUnits, metadataResult, workFolder } = action.context!;
      expect([organizedFiles, uploadedFiles, createdUnits, metadataResult, workFolder]).toEqual([
        {},
        [],
        [],
        null,
        null,
      ]);
    });
  });

  test('when a file cannot be uploaded, however often it is tried: the file and the reason are named', async () => {
    await leavingNothing(async (world, action) => {
      world.storage.beforeWrite = (key) => {
        if (key.endsWith('/c.jpg')) throw new Error('the disk is full');
      };
      const error = await endOf(action);
      const path = join(world.source, 'image/c.jpg');
      expect(error.message).toBe(
        `Step 'upload_files' failed: ${path}: it could not be uploaded: the disk is full`,
      );
      expect(error).toMatchObject({ code: 'STEP_FAILED', retryable: true });
      const attempts = [...world.storage.attempts].find(([key]) => key.endsWith('/c.jpg'));
      expect(attempts?.[1]).toBe(2);
    });
  });

  test('when a file cannot be uploaded: those that are under way are stopped, and no other one is begun', async () => {
    await leavingNothing(async (world) => {
      const begun: string[] = [];
      const stopped: string[] = [];
      world.storage.beforeWrite = async (key, _attempt, signal) => {
        const name = afterUpload(key);
        begun.push(name);
        if (name === 'image/b.jpg') throw Object.assign(new Error('forbidden'), { retryable: false });
        await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
        stopped.push(name);
      };
      const action = new TestUpload(world.params({ parallelism: 3 }), world.runtime);
      const error = await endOf(action);
      expect(error.message).toContain('forbidden');
      expect(error.retryable).toBe(false);
      expect(begun.sort()).toEqual(['image/a.jpg', 'image/b.jpg', 'label/a.json']);
      expect(stopped.sort()).toEqual(['image/a.jpg', 'label/a.json']);
    });
  });

  test('when it is stopped in the middle of its files', async () => {
    await leavingNothing(async (world, action) => {
      const stop = new AbortController();
      world.storage.beforeWrite = async (key, _attempt, signal) => {
        if (!key.endsWith('/c.jpg')) return;
        // Others are stored already.
        while ((await world.storage.list('')).length < 2);
        stop.abort(new Error('nobody waits'));
        expect(signal?.aborted).toBe(true);
      };
      const error = await endOf(action, { signal: stop.signal });
      expect(error).toMatchObject({ code: 'ABORTED', step: 'upload_files', retryable: true });
      expect(error.message).toContain('nobody waits');
    });
  });

  test('when deleting succeeds only the second time', async () => {
    await leavingNothing(async (world, action) => {
      const refused = new Set<string>();
      world.storage.beforeDelete = (key) => {
        if (refused.has(key)) return;
        refused.add(key);
        throw new Error('try again');
      };
      action.change = (registry) => registry.register(failing('last'));
      expect((await endOf(action)).rollbackFailures).toEqual([]);
      expect(refused.size).toBe(4);
    });
  });

  test('when its time is over', async () => {
    await leavingNothing(async (world, action) => {
      world.storage.beforeWrite = (_key, _attempt, signal) =>
        new Promise<void>((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
        });
      expect(await endOf(action, { stepTimeoutMs: 300 })).toMatchObject({ code: 'STEP_TIMEOUT' });
    });
  });

  test('when the data units cannot be created, even if they were, and only the answer was lost', async () => {
    await leavingNothing(async (world, action) => {
      const { uploads } = world.backend;
      const create = uploads.createDataUnits.bind(uploads);
      uploads.createDataUnits = async (...request) => {
        await create(...request);
        expect(uploads.dataUnits(7)).toHaveLength(3);
        throw new Error('connection lost');
      };
      expect((await endOf(action)).message).toBe("Step 'upload_files' failed: connection lost");
    });
  });

  test('when the metadata cannot be saved, even if it was', async () => {
    await leavingNothing(async (world, action) => {
      const { uploads } = world.backend;
      const save = uploads.saveMetadata.bind(uploads);
      const ids: number[] = [];
      uploads.saveMetadata = async (...request) => {
        await save(...request);
        ids.push(...request[2].map(({ dataUnitId }) => dataUnitId));
        throw new Error('connection lost');
      };
      // The step takes back its own part, whoever else does not.
      const remove = uploads.deleteDataUnits.bind(uploads);
      uploads.deleteDataUnits = async (...request) => {
        expect(ids).toHaveLength(2);
        for (const id of ids) expect(uploads.metadataOf(7, id)).toEqual({});
        await remove(...request);
      };
      expect(await endOf(action)).toMatchObject({ step: 'process_metadata', rollbackFailures: [] });
    });
  });

  test('when a later step fails, of metadata either: it is taken back before the data units are', async () => {
    await leavingNothing(async (world, action) => {
      const { uploads } = world.backend;
      let values: unknown;
      let afterwards: unknown;
      const remove = uploads.deleteDataUnits.bind(uploads);
      uploads.deleteDataUnits = async (...request) => {
        const [a] = uploads.dataUnits(7);
        afterwards = uploads.metadataOf(7, a!.id);
        await remove(...request);
      };
      action.change = (registry) =>
        registry.register(
          new Told('last', () => {
            const [a] = uploads.dataUnits(7);
            values = uploads.metadataOf(7, a!.id);
            throw new Error('on purpose');
          }),
        );
      await endOf(action);
      expect([values, afterwards]).toEqual([{ place: 'Bern' }, {}]);
    });
  });

  test('when a file changes or goes between its check and its upload', async () => {
    const changes: [(path: string) => Promise<void>, RegExp][] = [
      [
        (path) => appendFile(path, ' and more'),
        /b\.jpg: it changed while it was uploaded: it has 10 bytes, and had 1/,
      ],
      [(path) => rm(path), /b\.jpg: there is no such file/],
    ];
    for (const [change, reason] of changes) {
      await inWorld(async (world) => {
        await world.given(files);
        const action = new TestUpload(world.params(), world.runtime);
        action.change = (registry) =>
          registry.insertBefore(
            'upload_files',
            new Told('change', () => change(join(world.source, 'image/b.jpg'))),
          );
        const error = await endOf(action);
        expect(error.message).toMatch(reason);
        expect(error.retryable).toBe(false);
        expect(await world.leftBehind()).toEqual([]);
      });
    }
  });
});

test('an upload that is stopped has a minute to delete what it had written, unless its options say otherwise', async () => {
  await inWorld(async (world) => {
    await world.given(files);
    const given: unknown[] = [];
    class Seen extends TestUpload {
      override async execute(options: StepRunOptions = {}) {
        given.push(options.graceMs);
        return super.execute(options);
      }
    }
    await new Seen(world.params(), world.runtime).run();
    await new Seen(world.params(), world.runtime).run({ graceMs: 5 });
    expect(given).toEqual([60_000, 5]);
  });
});

test('steps of an upload that are run by themselves remove their temporary files too', async () => {
  await inWorld(async (world) => {
    await world.given(files);
    const action = new TestUpload(world.params(), world.runtime);
    const registry = new StepRegistry<UploadContext>();
    action.setupSteps(registry);
    const seen: (string | null)[] = [];
    registry.insertAfter('organize_files', new Told('look', ({ workFolder }) => seen.push(workFolder)));
    registry.insertAfter('look', failing('saboteur'));
    await expect(new StepOrchestrator(registry, action.createContext()).execute()).rejects.toThrow(
      'on purpose',
    );
    expect(seen).toEqual([expect.stringContaining('counterstep-upload-')]);
    expect(await world.leftBehind()).toEqual([]);
  });
});

test('an upload tries a file again that failed, and begins it anew', async () => {
  await inWorld(async (world) => {
    await world.given(files);
    world.storage.beforeWrite = (_key, attempt) => {
      if (attempt <= 2) throw new Error('try again');
    };
    await new TestUpload(world.params(), world.runtime).run();
    expect(await world.stored()).toEqual(files);
    expect(world.runtime.logs.map(({ data }) => data['attempts'])).toEqual([3, 3, 3, 3]);
  });
});

test('what cannot be deleted is told, and all the rest is deleted', async () => {
  await inWorld(async (world) => {
    await world.given(files);
    world.storage.beforeWrite = (key) => {
      if (key.endsWith('/c.jpg')) throw new Error('the disk is full');
    };
    world.storage.beforeDelete = (key) => {
      if (key.endsWith('/a.jpg')) throw new Error('permission denied');
    };
    const action = new TestUpload(world.params({ retries: 0, parallelism: 1 }), world.runtime);
    const error = await endOf(action);
    expect(error.cause).toMatchObject({ name: 'ActionError', code: 'LEFT_BEHIND', retryable: false });
    expect(error.message).toMatch(
      /c\.jpg: it could not be uploaded: the disk is full; not deleted: .*a\.jpg \(permission denied\)$/,
    );
    expect(error.retryable).toBe(false);
    expect(await world.stored()).toEqual({ 'image/a.jpg': 'a' });
  });
});

test('a rollback that cannot delete everything is noted, and the other rollbacks run', async () => {
  await inWorld(async (world) => {
    await world.given(files);
    world.storage.beforeDelete = (key) => {
      if (key.endsWith('/a.jpg')) throw new Error('permission denied');
    };
    const action = new TestUpload(world.params({ retries: 0 }), world.runtime);
    action.change = (registry) => registry.register(failing('last'));
    const error = await endOf(action);
    expect(error.rollbackFailures).toEqual([
      expect.stringMatching(
        /^Rollback failed for 'upload_files': not deleted: .*\/image\/a\.jpg \(permission denied\)$/,
      ),
    ]);
    expect(await world.stored()).toEqual({ 'image/a.jpg': 'a' });
    expect(world.backend.uploads.dataUnits(7)).toEqual([]);
    expect((await readdir(world.home)).sort()).toEqual(['source', 'storage']);
  });
});
