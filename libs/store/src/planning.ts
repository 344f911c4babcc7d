/**
 * How the sessions of lanes and of look-ups plan. Their statements join arrays of any length with big tables. They are
 * planned seldom, for arrays of unknown length, and must look rows up by key whatever the statistics say at that moment;
 * see `by`.
 */
export const PLANNING = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_mergejoin: 'off',
};

/**
 * A column of a table, which is to be looked up, is that of a row of an array. Written as an equality, it may as well be
 * joined the other way round, by all rows of the table with each of the array; and that seems cheaper whenever the table was
 * analyzed while it was empty.
 */
export const by = (column: string, value: string): string => `${column} = ANY (ARRAY[${value}])`;
