// Globals of the browser's audio thread, as far as voice-worklet.js uses them. TypeScript has no types for these.
// https://webaudio.github.io/web-audio-api/#AudioWorkletGlobalScope

declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
  abstract process(inputs: Float32Array[][], outputs: Float32Array[][], parameters: Record<string, Float32Array>): boolean;
}

declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
