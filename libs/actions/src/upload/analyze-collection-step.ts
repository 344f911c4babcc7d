import { BaseStep, StepResult } from '@counterstep/steps';
import { needed } from '../needed.js';
import { backendOf } from '../runtime.js';
import type { FileSpecification } from './upload-backend.js';
import type { UploadContext } from './upload-context.js';

/** Learns what the data units of the collection are made of, and that the parameters fit that. */
export class AnalyzeCollectionStep extends BaseStep<UploadContext> {
  readonly name: string = 'analyze_collection';
  readonly progressWeight: number = 0.05;

  async execute(context: UploadContext, signal: AbortSignal): Promise<StepResult> {
    const collection = needed(context.dataCollection, 'initialize');
    const backend = backendOf(context.runtimeCtx, 'uploads');
    const structure = await backend.fileSpecifications(collection.id, signal);
    const error = problemOf(structure, context.params.assets);
    if (error !== undefined) return new StepResult({ success: false, error });
    context.collectionMetadata = collection.metadata;
    context.collectionStructure = structure;
    return new StepResult({ data: { fileSpecifications: structure.map(({ name }) => name) } });
  }
}

function problemOf(structure: readonly FileSpecification[], assets: object | undefined): string | undefined {
  const names = structure.map(({ name }) => name);
  if (names.length === 0) return 'the data collection has no file specifications';
  if (!assets) return undefined;
  const unknown = Object.keys(assets).filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    return `the data collection has no file specification ${unknown.join(', ')}; it has: ${names.join(', ')}`;
  }
  const missing = structure.filter(({ name, required }) => required && !(name in assets));
  if (missing.length === 0) return undefined;
  return `assets must have a path for: ${missing.map(({ name }) => name).join(', ')}`;
}
