import { DIAGRAM_STYLES, statesOf } from './diagram-states.js';
import type { DiagramStates } from './diagram-states.js';
import type { Saga } from './saga.js';
import { pathIn } from './tree.js';
import { inWords } from './words.js';
import type {
  Join,
  MapItem,
  Member,
  ParallelGroup,
  Step,
  SubWorkflow,
  Workflow,
  WorkflowItem,
} from './workflow.js';

/**
 * A definition as a Mermaid flowchart: items in their order, groups with their join, conditions, maps and sub-workflows as
 * boxes, and what undoes a step beside it, dotted. With a saga, how far it is: colours, attempts, what was lost or waits
 * for a person; of a map, how many of its items are where. Whatever things are called, it can be parsed. Mermaid's own
 * limits (500 edges, 50,000 characters) may have to be raised for great definitions.
 */
export function mermaidOf(workflow: Workflow, saga?: Saga): string {
  return new Drawing(saga && statesOf(saga)).draw(workflow);
}

/** Where the arrows to a part end, and where those from it begin, with what stands on them. */
interface Ends {
  readonly first: string;
  readonly last: readonly { readonly id: string; readonly says?: string }[];
}

class Drawing {
  private readonly lines: string[] = [];
  private readonly styled = new Map<string, string[]>();
  private depth = 1;
  private count = 0;

  constructor(private readonly states: DiagramStates | undefined) {}

  draw(workflow: Workflow): string {
    const [begin, done] = [this.id(), this.id()];
    this.line(`${begin}([${label(`${workflow.name} ${workflow.version}`)}])`);
    const ends = this.sequence(workflow.items, '');
    this.line(`${done}([${label(this.states?.end ?? 'done')}])`);
    this.style(done, this.states?.endStyle);
    this.connect([{ id: begin }], ends.first);
    this.connect(ends.last, done);
    const used = [...this.styled.keys()];
    return [
      'flowchart TB',
      ...this.lines,
      ...used.map((style) => `  classDef ${style} ${DIAGRAM_STYLES[style] ?? ''}`),
      ...[...this.styled].map(([style, ids]) => `  class ${ids.join(',')} ${style}`),
      '',
    ].join('\n');
  }

  private sequence(items: readonly WorkflowItem[], scope: string): Ends {
    let whole: Ends | undefined;
    for (const item of items) {
      const ends =
        item.kind === 'parallel' ? this.group(item, scope) : this.member(item, pathIn(scope, item.name));
      if (whole) this.connect(whole.last, ends.first);
      whole = { first: whole?.first ?? ends.first, last: ends.last };
    }
    if (!whole) throw new Error('a workflow has items');
    return whole;
  }

  private group(group: ParallelGroup, scope: string): Ends {
    const [fork, join] = [this.id(), this.id()];
    this.box(`${group.name}: ${joinIn(group.join, group.members.length)}`, () => {
      this.line(`${fork}((${label('fork')}))`);
      for (const member of group.members) {
        const ends = this.member(member, pathIn(scope, member.name));
        this.connect([{ id: fork }], ends.first);
        this.connect(ends.last, join);
      }
      this.line(`${join}((${label('join')}))`);
    });
    return { first: fork, last: [{ id: join }] };
  }

  private member(member: Member, path: string): Ends {
    if (!member.condition) return this.body(member, path);
    const question = this.id();
    this.line(`${question}{${label(`${member.name}?`)}}`);
    const ends = this.body(member, path);
    this.connect([{ id: question, says: 'yes' }], ends.first);
    return { first: question, last: [...ends.last, { id: question, says: 'no' }] };
  }

  private body(member: Member, path: string): Ends {
    switch (member.kind) {
      case 'step':
        return this.step(member, path);
      case 'workflow':
        return this.subWorkflow(member, path);
      case 'map':
        return this.map(member, path);
      case 'signal': {
        const what = `${member.approval ? 'approval' : 'signal'} ${member.signal}, ${inWords(member.timeout)}`;
        return this.node(path, ['[/', '/]'], [member.name, what]);
      }
      case 'sleep': {
        const howLong = member.duration === undefined ? 'until a date' : inWords(member.duration);
        return this.node(path, ['([', '])'], [member.name, `sleep ${howLong}`]);
      }
    }
  }

  private step(step: Step, path: string): Ends {
    const marks = [step.pivot && 'pivot', step.retriable && 'retriable', step.readOnly && 'read only'];
    const words = [step.name, step.worker, ...marks.filter((mark) => typeof mark === 'string')];
    const ends = this.node(path, step.pivot ? ['{{', '}}'] : step.readOnly ? ['(', ')'] : ['[', ']'], words);
    if (step.pivot && !this.states) this.style(ends.first, 'pivot');
    if (step.compensation === undefined) return ends;
    const undo = this.id();
    const state = this.states?.undoOf(path);
    this.line(`${undo}([${label(step.compensation, ...(state?.words ?? []))}])`);
    this.line(`${ends.first} -. ${label('undo')} .-> ${undo}`);
    this.style(undo, state?.style ?? 'undo');
    return ends;
  }

  private node(path: string, [open, close]: readonly [string, string], words: readonly string[]): Ends {
    const id = this.id();
    const state = this.states?.forwardOf(path);
    this.line(`${id}${open}${label(...words, ...(state?.words ?? []))}${close}`);
    this.style(id, state?.style);
    return { first: id, last: [{ id }] };
  }

  private subWorkflow({ name, workflow }: SubWorkflow, path: string): Ends {
    const title = [`${name}: workflow ${workflow.name} ${workflow.version}`, ...this.wordsOf(path)];
    return this.box(title.join(', '), () => this.sequence(workflow.items, path));
  }

  private map({ name, body, concurrency }: MapItem, path: string): Ends {
    const title = [`${name}: for each item, ${concurrency} at once`, ...this.wordsOf(path)];
    return this.box(title.join(', '), () => this.member(body, pathIn(path, '*')));
  }

  private wordsOf(path: string): readonly string[] {
    return this.states?.forwardOf(path)?.words ?? [];
  }

  private box<Result>(title: string, inside: () => Result): Result {
    this.line(`subgraph ${this.id()}[${label(title)}]`);
    this.depth += 1;
    const result = inside();
    this.depth -= 1;
    this.line('end');
    return result;
  }

  private connect(from: Ends['last'], to: string): void {
    for (const { id, says } of from)
      this.line(`${id} -->${says === undefined ? '' : `|${label(says)}|`} ${to}`);
  }

  private style(id: string, style: string | undefined): void {
    if (style !== undefined) this.styled.set(style, [...(this.styled.get(style) ?? []), id]);
  }

  /** Ids of our own: names would be taken for words of the language. */
  private id(): string {
    this.count += 1;
    return `n${this.count}`;
  }

  private line(text: string): void {
    this.lines.push(`${'  '.repeat(this.depth)}${text}`);
  }
}

function joinIn(join: Join, members: number): string {
  if (typeof join === 'object') return `${join.quorum} of ${members}`;
  return join === 'settle' ? 'all, however they end' : join;
}

const LONGEST_LINE = 80;

/** Quoted; all that might mean something to Mermaid, to HTML or to Markdown is given as the number of its character. */
function label(...lines: readonly string[]): string {
  const cut = (line: string): string => {
    const characters = Array.from(line);
    if (characters.length > LONGEST_LINE) return `${characters.slice(0, LONGEST_LINE).join('')}…`;
    // An empty text is none to Mermaid.
    return line === '' ? '?' : line;
  };
  const escaped = lines.map((line) =>
    cut(line).replace(/[^A-Za-z0-9 .,:/?()-]/gu, (c) => `#${c.codePointAt(0) ?? 63};`),
  );
  return `"${escaped.join('<br/>')}"`;
}
