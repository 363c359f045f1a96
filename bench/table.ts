export const print = (line: string) => void process.stdout.write(`${line}\n`)

export function row(...cells: (string | number)[]): void {
  print(`| ${cells.join(' | ')} |`)
}

export function head(...columns: string[]): void {
  row(...columns)
  row(...columns.map(() => '---'))
}
