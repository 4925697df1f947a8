/** The mask value of pixels that belong to no class: no loss, score or statistic counts them. */
export const IGNORE_INDEX = 255;
