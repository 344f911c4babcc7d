/** A number as it is written into a drawing. */
export function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
