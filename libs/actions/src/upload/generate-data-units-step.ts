import { BaseStep, StepResult } from '@counterstep/steps';
import { needed } from '../needed.js';
import { checkKey } from '../storage.js';
import { extensionOf } from './source-files.js';
import type { PlannedUnit, SourceFile, UploadContext } from './upload-context.js';

/** Decides under which key each file will be stored, and what the backend will be told. Nothing is written yet. */
export class GenerateDataUnitsStep extends BaseStep<UploadContext> {
  readonly name: string = 'generate_data_units';
  readonly progressWeight: number = 0.1;

  execute(context: UploadContext): StepResult {
    const folder = `data-collections/${needed(context.dataCollection, 'initialize').id}/${needed(context.uploadId, 'initialize')}`;
    const units: PlannedUnit[] = Object.entries(context.organizedFiles).map(([name, files]) => ({
      name,
      files: Object.fromEntries(
        Object.entries(files).map(([specification, source]) => {
          const key = `${folder}/${escaped(specification)}/${keyPart(name, source)}`;
          checkKey(key);
          return [specification, { key, size: source.size, source }];
        }),
      ),
    }));
    if (units.length === 0) return new StepResult({ success: false, error: 'there are no files to upload' });
    context.dataUnits = units;
    return new StepResult({ data: { units: units.length } });
  }
}

const keyPart = (unit: string, { path }: SourceFile) =>
  `${unit.split('/').map(escaped).join('/')}${escaped(extensionOf(path))}`;

/** A name as a part of a key: what no key may have, and `%`, as in a URL. */
const escaped = (name: string) => name.replaceAll(/[%/\\\p{Cc}]/gu, encodeURIComponent);
