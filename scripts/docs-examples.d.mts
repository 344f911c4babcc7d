export function examplesOf(markdown: string): string | undefined;
