import type { Workflow } from '@counterstep/core';
import { expressOrder } from './workflows/express-order.js';
import { order } from './workflows/order.js';

/** What runs when nothing else is configured: orders, for the sample workers. */
export const demoWorkflows: readonly Workflow[] = [order, expressOrder];
