import DOMPurify from 'dompurify';

// Mermaid cleans its labels with the help of a document. There is none here, and nothing is shown: text stays as it is.
Object.assign(DOMPurify, { addHook: () => undefined, sanitize: (text: string) => text });
const { default: mermaid } = await import('mermaid');
// Makes the kinds of diagrams known.
await mermaid.parse('flowchart TB\n  n1');

export interface Drawn {
  readonly type: string;
  /** Of a flowchart: its nodes by id, with their labels, `#35;` being a character again. */
  readonly nodes: ReadonlyMap<string, string>;
  readonly edges: readonly { readonly from: string; readonly to: string; readonly dotted: boolean }[];
  /** Titles of the boxes. */
  readonly boxes: readonly string[];
  /** The classes of the nodes by id. */
  readonly classes: ReadonlyMap<string, readonly string[]>;
}

interface FlowDatabase {
  getVertices?(): Map<string, { id: string; text: string; classes: string[] }>;
  getEdges?(): { start: string; end: string; stroke: string }[];
  getSubGraphs?(): { title: string }[];
}

/** What Mermaid itself reads; rejects when it cannot. */
export async function drawn(text: string): Promise<Drawn> {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- `parse` does not tell what it has read
  const diagram = await mermaid.mermaidAPI.getDiagramFromText(text);
  const database = diagram.db as FlowDatabase;
  const vertices = [...(database.getVertices?.().values() ?? [])];
  return {
    type: diagram.type,
    nodes: new Map(vertices.map(({ id, text: label }) => [id, readable(label)])),
    edges: (database.getEdges?.() ?? []).map(({ start, end, stroke }) => ({
      from: start,
      to: end,
      dotted: stroke === 'dotted',
    })),
    boxes: (database.getSubGraphs?.() ?? []).map(({ title }) => readable(title)),
    classes: new Map(vertices.map(({ id, classes }) => [id, classes])),
  };
}

/** Mermaid's own way of keeping `#35;` until it is shown. */
function readable(text: string): string {
  return text.replace(/ﬂ°°(\d+)¶ß/g, (_, code: string) => String.fromCodePoint(Number(code)));
}
