import { ValidationError, checkWorkflow } from '@counterstep/core';
import type { Workflow } from '@counterstep/core';
import type { PinnedDefinition } from './store.js';

/** The definitions that this orchestrator has. Several versions of one workflow may live side by side. */
export class Registry {
  private readonly byDigest = new Map<string, Workflow>();
  private readonly latest = new Map<string, Workflow>();

  /** Throws `ValidationError` when two definitions claim one name and version, or one is only a part of others, or none at all. */
  constructor(workflows: readonly Workflow[]) {
    const seen = new Map<string, string>();
    for (const workflow of workflows) {
      checkWorkflow(workflow);
      if (workflow.part)
        throw new ValidationError(
          'PART_OF_WORKFLOW',
          `${workflow.name} was built as a part of other workflows and cannot be started by itself`,
        );
      const id = `${workflow.name}@${workflow.version}`;
      const other = seen.get(id);
      if (other !== undefined && other !== workflow.digest)
        throw new ValidationError(
          'VERSION_CONFLICT',
          `two different definitions are ${id}: give the changed one a new version`,
        );
      seen.set(id, workflow.digest);
      this.byDigest.set(workflow.digest, workflow);
      const latest = this.latest.get(workflow.name);
      if (!latest || latest.version < workflow.version) this.latest.set(workflow.name, workflow);
    }
    if (this.latest.size === 0) throw new ValidationError('NO_WORKFLOW', 'an orchestrator needs a workflow');
  }

  /**
   * Throws `ValidationError` (`VERSION_CONFLICT`) when unfinished sagas are pinned to another definition of a name and
   * version that is here: it was changed under its old version, and nobody would move them.
   */
  refuseChanged(pinned: readonly PinnedDefinition[]): void {
    for (const { digest, workflow, version, sagas } of pinned) {
      const own = this.all().find((each) => each.name === workflow && each.version === version);
      if (own && !this.byDigest.has(digest))
        throw new ValidationError(
          'VERSION_CONFLICT',
          `${workflow}@${version} is not the definition that ${sagas} unfinished saga(s) are pinned to: give the changed one ` +
            'a new version, and keep the old one until they have ended',
        );
    }
  }

  /** The definition that a saga is pinned to; undefined when this process lacks it. */
  pinned(digest: string): Workflow | undefined {
    return this.byDigest.get(digest);
  }

  /** The newest version of a workflow. Throws `ValidationError` (`UNKNOWN_WORKFLOW`) that names the known ones. */
  newest(name: string): Workflow {
    const workflow = this.latest.get(name);
    if (workflow) return workflow;
    const known = this.names();
    throw new ValidationError(
      'UNKNOWN_WORKFLOW',
      `there is no workflow '${name}'; known are ${known.join(', ')}`,
      known.map((each) => ({ code: 'KNOWN_WORKFLOW', message: each, mend: 'use this name' })),
    );
  }

  names(): string[] {
    return [...this.latest.keys()].sort();
  }

  all(): Workflow[] {
    return [...this.byDigest.values()];
  }

  digests(): string[] {
    return [...this.byDigest.keys()];
  }

  queues(): string[] {
    return [...new Set(this.all().flatMap((workflow) => workflow.allSteps().map((step) => step.queue)))];
  }
}
