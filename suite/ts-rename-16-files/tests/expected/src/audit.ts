import * as shop from "./index";

export interface Order {
  id: number;
  price: number;
  percent: number;
  paid: number;
}

export const wrongOrders = (orders: Order[]): number[] =>
  orders.filter((order) => shop.computeDiscount(order.price, order.percent) !== order.paid).map((order) => order.id);
