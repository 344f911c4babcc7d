/**
 * What was worked out and may be wanted again soon. Forgets everything once there is too much of it: a walk in breadth
 * seldom comes back to what it has left.
 */
export class Recent<Value> {
  private readonly values = new Map<number, Value>();

  constructor(private readonly most: number) {}

  get(key: number, make: () => Value): Value {
    const known = this.values.get(key);
    if (known !== undefined) return known;
    const value = make();
    if (this.values.size >= this.most) this.values.clear();
    this.values.set(key, value);
    return value;
  }
}
