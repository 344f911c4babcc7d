import { sagaSchema, type SagaBody } from '@counterstep/protocol';
import { ApiClient } from '../../support/api-client.js';
import { waitFor } from '../../support/wait-for.js';
import { AppProcess } from './processes.js';

/** `npm start` as a newcomer runs it, with its data in a folder of the test. */
export class Launcher extends AppProcess {
  constructor(folder: string, port: number, env: Readonly<Record<string, string>> = {}) {
    super('embedded/start.mjs', { DATA_DIR: folder, PORT: String(port), LOG_LEVEL: 'warn', ...env });
  }

  get text(): string {
    return this.lines.join('\n');
  }

  async welcomed(): Promise<this> {
    await waitFor(
      () => {
        if (!this.isRunning) throw new Error(`it ended with ${this.ending}:\n${this.text}`);
        return this.text.includes('Ctrl-C stops everything');
      },
      { what: 'the welcome', timeoutMs: 90_000, everyMs: 50 },
    ).catch((error: unknown) => {
      throw new Error(`no welcome:\n${this.text}`, { cause: error });
    });
    return this;
  }

  get api(): ApiClient {
    const url = /^API +(http:\/\/\S+)\/api\/v1\/sagas$/m.exec(this.text)?.[1];
    if (url === undefined) throw new Error(`no URL in:\n${this.text}`);
    return new ApiClient(url);
  }

  async saga(sagaId: string): Promise<SagaBody> {
    return sagaSchema.parse((await this.api.get(`/api/v1/sagas/${sagaId}`)).body);
  }
}
