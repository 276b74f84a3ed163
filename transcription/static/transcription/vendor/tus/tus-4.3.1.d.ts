// For TypeScript only, which then does not read the library itself. The page uses its global, `tus`.
// What the page uses of https://github.com/tus/tus-js-client/blob/main/docs/api.md.

export interface TusRequest {
  setHeader(name: string, value: string): void;
}

export interface TusResponse {
  getStatus(): number;
  getHeader(name: string): string | undefined;
  getBody(): string;
}

export interface TusError extends Error {
  originalResponse: TusResponse | null;
}

export interface TusOptions {
  endpoint: string;
  chunkSize: number;
  retryDelays: number[] | null;
  removeFingerprintOnSuccess: boolean;
  metadata: Record<string, string>;
  fingerprint(): Promise<string>;
  onBeforeRequest(request: TusRequest): void;
  onAfterResponse(request: TusRequest, response: TusResponse): void;
  onProgress(sent: number, total: number): void;
  onSuccess(): void;
  onError(error: TusError): void;
}

/** An upload that the browser remembers. */
export interface TusPrevious {
  uploadUrl: string | null;
}

export interface TusUpload {
  start(): void;
  abort(discardOnServer: boolean): Promise<void>;
  findPreviousUploads(): Promise<TusPrevious[]>;
  resumeFromPreviousUpload(previous: TusPrevious): void;
}

declare global {
  var tus: { Upload: new (file: File, options: TusOptions) => TusUpload };
}
