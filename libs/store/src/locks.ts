/** First half of the store's advisory locks; the second is a lane's id, or 0 for migrations. Fixed for ever. */
export const LOCK_CLASS = 0x5a6a;

/** Epoch of a lane that nobody has taken over. */
export const FIRST_EPOCH = 1;
