import { sumCents, fromEuros } from "./amounts";
import { euros } from "./formatting";

export interface Line {
  text: string;
  amount: number;
}

const SHIPPING = fromEuros(4, 90);

export class Invoice {
  constructor(private readonly lines: Line[]) {}

  net(): number {
    return sumCents(this.lines.map((line) => line.amount));
  }

  gross(vatPercent = 19): number {
    const net = this.net();
    return sumCents([net, Math.floor((net * vatPercent) / 100), SHIPPING]);
  }

  footer(): string {
    return `To be paid: ${euros(sumCents([this.gross()]))}`;
  }
}
