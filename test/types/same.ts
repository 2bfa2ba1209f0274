/** Two types compared, exactly: `same<A, B>(true)` compiles where they are the same type. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export const same = <A, B>(isSame: Same<A, B>): void => void isSame;
