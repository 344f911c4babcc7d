import type { Decision, Fact, Member, SagaEvent, Step, Workflow, WorkflowItem } from '@counterstep/core';

/* A run in words, for whoever has to find out why it failed. */

/** A line for each item, indented by what it lies in. */
export function outline({ items, ...workflow }: Workflow, indent = ''): string[] {
  const { sagaTimeout, failureMode, pivot } = workflow;
  const settings = [
    sagaTimeout !== undefined && `to be done within ${sagaTimeout} ms`,
    failureMode === 'hold' && 'holds when it fails',
    pivot !== undefined && `pivot ${pivot}`,
  ].filter(Boolean);
  return [
    ...settings.map((setting) => `${indent}${String(setting)}`),
    ...items.flatMap((item) => linesOf(item, indent)),
  ];
}

function linesOf(item: WorkflowItem, indent: string): string[] {
  if (item.kind !== 'parallel') return linesOfMember(item, indent);
  const { name, join, onFailure, keep, reducers, members } = item;
  const options = shown({ join, onFailure, keep, reducers: Object.keys(reducers) });
  return [
    `${indent}group ${name} ${options}`,
    ...members.flatMap((each) => linesOfMember(each, `${indent}  `)),
  ];
}

function linesOfMember(member: Member, indent: string): string[] {
  const condition = member.condition ? ' if asked' : '';
  const head = `${indent}${member.kind} ${member.name}${condition}`;
  switch (member.kind) {
    case 'step':
      return [`${head} ${optionsOf(member)}`];
    case 'workflow':
      return [head, ...outline(member.workflow, `${indent}  `)];
    case 'map': {
      const { concurrency, maxItems, tolerate, body } = member;
      return [`${head} ${shown({ concurrency, maxItems, tolerate })}`, ...linesOfMember(body, `${indent}  `)];
    }
    case 'signal': {
      const { signal, timeout, onTimeout, approval } = member;
      return [`${head} ${shown({ signal, timeout, onTimeout, approval, schema: member.output && true })}`];
    }
    case 'sleep':
      return [`${head} ${member.duration ?? 'until a date'}`];
  }
}

function optionsOf(step: Step): string {
  const { compensation, readOnly, pivot, retriable, barrier, retry, undoRetry } = step;
  const { attemptTimeout, stepTimeout, pickUpTimeout, writes, output } = step;
  const times = { attemptTimeout, stepTimeout, pickUpTimeout };
  const kind = { compensation, readOnly: readOnly || undefined, pivot, retriable };
  return shown({ ...kind, barrier, retry, undoRetry, ...times, writes, schema: output && true });
}

/** One event, and what became of it. */
export function tell(event: SagaEvent, decided: Decision, after: number): string[] {
  return [`+${after} ms ${shown(event)}`, ...consequences(decided).map((line) => `    ${line}`)];
}

function consequences(decided: Decision): string[] {
  if (decided.kind === 'ignored') return [`ignored: ${decided.reason}`];
  if (decided.kind === 'refused') return [`refused: ${decided.code}`];
  return decided.record.facts.map(factLine);
}

function factLine({ type, ...fact }: Fact): string {
  return `${type} ${shown(fact)}`;
}

function shown(value: object): string {
  return JSON.stringify(value).replaceAll('"', '');
}
