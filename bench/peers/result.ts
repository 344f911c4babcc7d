import type { Row } from '../row.js';
import type { Figures, Load, Peer } from './peer.js';
import { keyOf } from './plan.js';

/**
 * A row from what is known of the system, what was asked of it and what came of it. `postgres` is what its server says
 * of its own durability, unless the figures know better.
 */
export function toRow(
  system: Peer,
  load: Load,
  repeat: number,
  figures: Figures,
  postgres: string | undefined,
): Row {
  const { version, durability, settings, notes = [] } = system;
  const allNotes = [...notes, ...(figures.notes ?? [])];
  return {
    version,
    class: system.class,
    at: new Date().toISOString(),
    sagas: load.sagas,
    sagasPerSecond: Number((figures.completed / figures.seconds).toFixed(1)),
    stepsPerSaga: 3,
    ...figures,
    ...keyOf(system.name, load, repeat),
    durability: [figures.durability ?? postgres, durability].filter((part) => part !== undefined).join('; '),
    settings: { ...settings, ...figures.settings, payloadBytes: 256 },
    ...(allNotes.length > 0 && { notes: allNotes }),
  };
}
