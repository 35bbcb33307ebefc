import workerpool from "workerpool";
import { burn, noop, sleep, stamp } from "../jobs.js";

workerpool.worker({ noop, burn, sleep, stamp });
