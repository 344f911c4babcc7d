import { undoInputSchema } from '@counterstep/protocol';
import type * as z from 'zod';

/** The undo command's payload, its fields narrowed to the schemas that the compensation names. */
export function undoSchemaOf(fields: {
  input?: z.ZodType;
  output?: z.ZodType;
  undoData?: z.ZodType;
}): z.ZodType {
  return undoInputSchema.extend({
    ...(fields.input && { input: fields.input }),
    ...(fields.output && { output: fields.output.optional() }),
    ...(fields.undoData && { undoData: fields.undoData.optional() }),
  });
}
