import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { BaseStep, StepResult } from '@counterstep/steps';
import { needed } from '../needed.js';
import { extensionOf, problemsIn } from './source-files.js';
import type { FileSpecification } from './upload-backend.js';
import type { OrganizedUnit, SourceFile, UploadContext } from './upload-context.js';

/**
 * Puts together the files that make one data unit: those that have the same path, without its extension, below the folders
 * of their file specifications. In mode `single` the first folder of a path is the specification's name; when the collection
 * has one specification, it may be left out. Makes a folder for temporary files, in the runtime's `TMPDIR`
 * if it has one, which rollback removes.
 */
export class OrganizeFilesStep extends BaseStep<UploadContext> {
  readonly name: string = 'organize_files';
  readonly progressWeight: number = 0.15;

  async execute(context: UploadContext): Promise<StepResult> {
    const organizing = new Organizing(needed(context.collectionStructure, 'analyze_collection'));
    for (const file of context.files) organizing.add(file);
    const { units, problems } = organizing.end();
    if (problems.length > 0) return new StepResult({ success: false, error: problemsIn(problems) });
    context.organizedFiles = units;
    const { TMPDIR: temporary = tmpdir() } = context.runtimeCtx.env;
    context.workFolder = await mkdtemp(join(temporary, 'counterstep-upload-'));
    const mode = context.params.path === undefined ? 'multi' : 'single';
    return new StepResult({ data: { mode, units: Object.keys(units).length } });
  }

  override async rollback(context: UploadContext): Promise<void> {
    context.organizedFiles = {};
    await context.removeWorkFolder();
  }
}

class Organizing {
  readonly #units = new Map<string, Map<string, SourceFile>>();
  readonly #problems: string[] = [];

  constructor(private readonly structure: readonly FileSpecification[]) {}

  add(file: SourceFile): void {
    const place = this.#placeOf(file);
    if (!place) {
      const names = this.structure.map(({ name }) => name).join(', ');
      this.#problems.push(`${file.path}: it is in the folder of no file specification (${names})`);
      return;
    }
    const { specification, below } = place;
    const { name, extensions } = specification;
    const extension = extensionOf(below);
    if (extensions.length > 0 && !extensions.includes(extension)) {
      this.#problems.push(`${file.path}: ${name} must be one of ${extensions.join(', ')}`);
      return;
    }
    const unitName = below.slice(0, below.length - extname(below).length);
    const unit = this.#units.get(unitName) ?? new Map<string, SourceFile>();
    const other = unit.get(name);
    if (other) this.#problems.push(`${file.path}: '${unitName}' has another ${name}, ${other.path}`);
    unit.set(name, file);
    this.#units.set(unitName, unit);
  }

  end(): { readonly units: Record<string, OrganizedUnit>; readonly problems: readonly string[] } {
    const required = this.structure.filter((specification) => specification.required);
    for (const [name, unit] of this.#units) {
      const missing = required.filter((specification) => !unit.has(specification.name));
      const [first] = unit.values();
      if (missing.length === 0 || !first) continue;
      this.#problems.push(`${first.path}: '${name}' has no ${missing.map((one) => one.name).join(', ')}`);
    }
    const units = [...this.#units].map(([name, unit]) => [name, Object.fromEntries(unit)] as const);
    return { units: Object.fromEntries(units), problems: this.#problems };
  }

  /** The specification of a file, and its path below the folder of that. */
  #placeOf({
    specification: given,
    relativePath,
  }: SourceFile): { readonly specification: FileSpecification; readonly below: string } | undefined {
    const slash = relativePath.indexOf('/');
    const named = this.structure.find(
      ({ name }) => name === (given ?? relativePath.slice(0, Math.max(slash, 0))),
    );
    if (named)
      return { specification: named, below: given === null ? relativePath.slice(slash + 1) : relativePath };
    const [only, second] = this.structure;
    return only && !second && given === null ? { specification: only, below: relativePath } : undefined;
  }
}
