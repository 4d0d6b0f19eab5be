// The hubs' methods and events, generated from the server's own types. Do not edit:
// UPDATE_TYPES=1 cargo test --lib typescript

/**
 * A run in progress as a reloaded tab needs it.
 */
export type ActiveRun = { runId: RunId, messageId: MessageId, text: string, reasoning: string, lastSeq: number, };

export type ActiveRunsRequest = { conversationId?: ConversationId, };

export type Alert = { severity: string, message: string, };

/**
 * A reported event. An unknown type or a bad value does not deserialize.
 */
export type BacktestEvent = { "type": "BacktestQueued" } & Queued | { "type": "BacktestStarted" } & Nothing | { "type": "EquityPoints" } & EquityPoints | { "type": "TradeBatch" } & TradeBatch | { "type": "BacktestCompleted" } & Completed | { "type": "BacktestFailed" } & Failure | { "type": "BacktestCancelled" } & Nothing | { "type": "BacktestProgress" } & ProgressReport | { "type": "BacktestLog" } & LogLine;

export type BacktestPageRequest = { backtestId: string, 
/**
 * `nextCursor` of the page before.
 */
cursor?: string, 
/**
 * How many items; 200 at most.
 */
limit?: number, };

export type BacktestRequest = { backtestId: string, };

/**
 * A backtest at one moment, complete up to `seq`. Without its curve in lists.
 */
export type BacktestSnapshot = { backtestId: string, bundleId?: string, name?: string, epoch: Epoch, seq: number, ts: Timestamp, createdAt: Timestamp, state: BacktestState, progress: Progress, equity?: Array<EquityPoint>, tradeCount: number, statistics?: { [key in string]: JsonValue }, error?: Failure, };

export type BacktestState = "queued" | "running" | "completed" | "failed" | "cancelled";

export type Balance = { currency: string, free: number, total: number, };

export type BotArrays = { positions: Array<Position>, openOrders: Array<Order>, balances: Array<Balance>, lastTrades: Array<Numbered<Trade>>, };

/**
 * A reported event. An unknown type or a bad value does not deserialize.
 */
export type BotEvent = { "type": "BotStatus" } & BotStatus | { "type": "PositionChanged" } & Position | { "type": "OrderEvent" } & Order | { "type": "TradeEvent" } & Trade | { "type": "SignalEmitted" } & Signal | { "type": "RiskEvent" } & Risk | { "type": "Alert" } & Alert | { "type": "BotHeartbeat" } & { [key in string]: JsonValue } | { "type": "PnlUpdated" } & PnlReport | { "type": "BalanceChanged" } & Balance | { "type": "CandleClosed" } & Candle | { "type": "LogLine" } & LogLine;

export type BotPageRequest = { botId: string, 
/**
 * `nextCursor` of the page before.
 */
cursor?: string, 
/**
 * How many items; 200 at most.
 */
limit?: number, };

export type BotRequest = { botId: string, };

/**
 * A bot at one moment, complete up to `seq`. Without its arrays in lists.
 */
export type BotSnapshot = { botId: string, epoch: Epoch, seq: number, ts: Timestamp, name?: string, state: BotState, reason?: string, lastState?: BotState, lastSeenAt: Timestamp, ageMs: number, pnl: Pnl, positions: Array<Position>, openOrders: Array<Order>, balances: Array<Balance>, lastTrades: Array<Numbered<Trade>>, };

export type BotState = "created" | "starting" | "running" | "paused" | "stopping" | "stopped" | "error" | "stale";

export type BotStatus = { state: BotState, reason?: string, lastState?: BotState, 
/**
 * What people call the bot; it stays until another is told.
 */
name?: string, };

/**
 * How a bundle stands. Finished backtests count as done.
 */
export type BundleUpdated = { bundleId: string, ts: Timestamp, total: number, queued: number, running: number, completed: number, failed: number, cancelled: number, pct: number, };

export type ByDay = { 
/**
 * `2026-01-31`, in UTC.
 */
day: string, promptTokens: number, completionTokens: number, runs: number, };

export type ByModel = { model: string, promptTokens: number, completionTokens: number, runs: number, };

/**
 * What cancelling came to.
 */
export type CancelState = "cancelling" | "cancelled" | "finished";

export type CancelledRun = { state: CancelState, };

export type Candle = { symbol: string, interval: string, openTime: Timestamp, open: number, high: number, low: number, close: number, volume: number, };

/**
 * One event of a run with everything a client needs to put it in its place.
 */
export type ChatEvent = { conversationId: ConversationId, runId: RunId, messageId: MessageId, seq: number, ts: Timestamp, } & ({ "type": "run.started", model: string, } | { "type": "text.delta", text: string, } | { "type": "reasoning.delta", text: string, } | { "type": "tool.call", callId: string, name: string, 
/**
 * An object, or the model's own string if that was not a JSON object.
 */
arguments: JsonValue, } | { "type": "tool.result", callId: string, ok: boolean, content: string, } | { "type": "status", phase: Phase, attempt: number, provider: string, } | { "type": "usage", promptTokens: number, completionTokens: number, estimated: boolean, } | { "type": "snapshot", text: string, reasoning: string, lastSeq: number, } | { "type": "run.error", code: ErrorCode, message: string, retryable: boolean, retryAfterMs?: number, } | { "type": "run.finished", finishReason: FinishReason, });

/**
 * What a request may ask for besides.
 */
export type ChatOptions = { 
/**
 * Cancelling the stream cancels the run.
 */
cancelRunWithStream?: boolean, temperature?: number, topP?: number, maxTokens?: number, };

/**
 * A client's own name for a request, so that a repeat is recognised.
 */
export type ClientMessageId = string;

/**
 * What a worker answers, or what is answered in its place.
 */
export type CommandAnswer = { ok: boolean, code?: string, message?: string, };

/**
 * What the one who asked gets to know.
 */
export type CommandOutcome = { commandId: string, ok: boolean, code?: string, message?: string, };

export type Completed = { statistics: { [key in string]: JsonValue }, };

/**
 * How a conversation changed.
 */
export type ConversationChange = "created" | "renamed" | "deleted" | "run_started" | "run_finished" | "messages";

/**
 * A conversation of one user.
 */
export type ConversationId = string;

export type ConversationRequest = { conversationId: ConversationId, };

/**
 * A conversation in a list.
 */
export type ConversationSummary = { conversationId: ConversationId, title: string, createdAt: Timestamp, updatedAt: Timestamp, messageCount: number, activeRunId: RunId | null, };

/**
 * `Regenerate` (without `content`) and `EditMessage`.
 */
export type Edit = { conversationId: ConversationId, messageId: MessageId, content?: string, model?: string, clientMessageId?: ClientMessageId, options?: ChatOptions, };

/**
 * The name of one history of a log. Compared only for equality.
 */
export type Epoch = string;

export type EquityPoint = { t: Timestamp, equity: number, };

export type EquityPoints = { fromIndex: number, points: Array<EquityPoint>, };

/**
 * A stable, machine-readable reason. Clients switch on it, so a code is never renamed.
 */
export type ErrorCode = string;

/**
 * What a worker is asked to do.
 */
export type ExecuteCommand = { commandId: string, botId?: string, backtestId?: string, command: string, arguments: JsonValue, };

export type Failure = { code: string, message: string, retryable: boolean, };

/**
 * Why an answer ended.
 */
export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter" | "cancelled" | "stalled" | "interrupted" | "error";

export type ForceExitRequest = { botId: string, tradeId: string, };

export type JsonValue = number | string | boolean | Array<JsonValue> | { [key in string]: JsonValue } | null;

export type ListBacktestsRequest = { bundleId?: string, state?: BacktestState, 
/**
 * `nextCursor` of the page before.
 */
cursor?: string, 
/**
 * How many items; 200 at most.
 */
limit?: number, };

/**
 * A line of a log, of a bot or a backtest.
 */
export type LogLine = { level: string, message: string, 
/**
 * How many lines before this one viewers were not shown. The server's to say.
 */
dropped?: number, };

/**
 * One message. Its text is shared: reading a page copies none.
 */
export type Message = { messageId: MessageId, role: Role, content: string, reasoning?: string, model?: string, createdAt: Timestamp, finishReason?: FinishReason, error?: RunError, runId?: RunId, };

/**
 * A message of a conversation.
 */
export type MessageId = string;

/**
 * A model as clients see it in a list.
 */
export type Model = { id: string, provider: string, name: string, supportsTools: boolean, default: boolean, };

/**
 * `SendMessage` and `StreamMessage`.
 */
export type NewMessage = { conversationId?: ConversationId, content: string, model?: string, clientMessageId?: ClientMessageId, options?: ChatOptions, };

export type Nothing = Record<symbol, never>;

/**
 * An event that is kept as an item of a list.
 */
export type Numbered<T> = { seq: number, ts: Timestamp, } & T;

export type OpenConversationRequest = { conversationId: ConversationId, before?: MessageId, limit?: number, };

/**
 * A conversation as a tab shows it.
 */
export type OpenedConversation = { conversationId: ConversationId, title: string, messages: Array<Message>, activeRun: ActiveRun | null, };

export type Order = { orderId: string, symbol: string, side: string, kind: string, status: string, price?: number, quantity: number, filled: number, };

/**
 * One page of a list, newest first.
 */
export type Page<T> = { items: Array<T>, nextCursor: string | null, };

export type PageRequest = { cursor?: string, limit?: number, };

/**
 * What a run is doing while it says nothing.
 */
export type Phase = "connecting" | "waiting" | "retrying" | "fallback" | "thinking" | "tool";

/**
 * Profit and loss as viewers see it.
 */
export type Pnl = { realized: number, unrealized: number, total: number, totalPct: number, equity: number, drawdownPct: number, winRate: number, tradeCount: number, currency: string | null, };

/**
 * What a worker tells about profit and loss; what it leaves out stays as it was.
 */
export type PnlReport = { realized?: number, unrealized?: number, total?: number, totalPct?: number, equity?: number, drawdownPct?: number, winRate?: number, tradeCount?: number, currency?: string, };

export type Position = { positionId: string, symbol: string, side: string, 
/**
 * Zero closes the position.
 */
quantity: number, entryPrice: number, unrealizedPnl?: number, };

/**
 * Progress as viewers see it.
 */
export type Progress = { phase: string | null, pct: number, simulatedAt: Timestamp | null, candlesDone: number | null, candlesTotal: number | null, etaMs: number | null, equity: number | null, drawdownPct: number | null, };

/**
 * What a worker tells about its progress; what it leaves out stays as it was.
 */
export type ProgressReport = { pct: number, phase?: string, simulatedAt?: Timestamp, candlesDone?: number, candlesTotal?: number, etaMs?: number, equity?: number, drawdownPct?: number, };

/**
 * What is to be tested; what else the worker tells is passed on.
 */
export type Queued = { bundleId?: string, name?: string, } & ({ [key in string]: number | string | boolean | Array<JsonValue> | { [key in string]: JsonValue } | null });

/**
 * What a report is answered with: one number per event, in order.
 */
export type Receipt = { epoch: Epoch, seqs: Array<number>, };

export type RegisterBacktestsRequest = { backtestIds: Array<string>, };

export type RegisterBotsRequest = { botIds: Array<string>, heartbeatMs?: number, };

export type RegisteredBacktest = { backtestId: string, epoch: Epoch, seq: number, };

/**
 * What a worker gets to know when it registers.
 */
export type RegisteredBacktests = { backtests: Array<RegisteredBacktest>, };

export type RegisteredBot = { botId: string, epoch: Epoch, seq: number, };

/**
 * What a worker gets to know when it registers.
 */
export type RegisteredBots = { bots: Array<RegisteredBot>, heartbeatMs: number, };

export type RenameConversationRequest = { conversationId: ConversationId, title: string, };

export type ReportBacktestEventsRequest = { backtestId: string, events: Array<BacktestEvent>, idempotencyKey?: string, };

export type ReportBotEventsRequest = { botId: string, events: Array<BotEvent>, idempotencyKey?: string, };

export type Risk = { rule: string, level: string, message: string, };

export type Role = "user" | "assistant";

/**
 * What went wrong with an answer, as a user may read it.
 */
export type RunError = { code: ErrorCode, message: string, retryable: boolean, retryAfterMs?: number, };

/**
 * The making of one assistant message.
 */
export type RunId = string;

export type RunRequest = { runId: RunId, afterSeq?: number, };

/**
 * A run in progress, as `ActiveRuns` lists it.
 */
export type RunningRun = { runId: RunId, conversationId: ConversationId, messageId: MessageId, lastSeq: number, startedAt: Timestamp, };

/**
 * What a returning viewer has seen of one bot or backtest.
 */
export type Seen = { epoch: string, seq: number, };

export type Signal = { symbol: string, signal: string, strength?: number, };

/**
 * The ids a request for an answer is answered with.
 */
export type Started = { conversationId: ConversationId, userMessageId: MessageId, messageId: MessageId, runId: RunId, };

export type StopBotRequest = { botId: string, mode: StopMode, };

/**
 * What becomes of a stopping bot's trades.
 */
export type StopMode = "now" | "closePositions" | "finishTrades";

export type SubscribeBacktestsRequest = { backtestIds?: Array<string>, bundleId?: string, since?: { [key in string]: Seen }, };

export type SubscribeBotsRequest = { 
/**
 * None: all, also those to come.
 */
botIds?: Array<string>, 
/**
 * What a returning viewer has seen, by bot.
 */
since?: { [key in string]: Seen }, };

/**
 * What a subscription is answered with.
 */
export type Subscribed<T> = { snapshots: Array<T>, 
/**
 * What a returning viewer missed of those that have no snapshot here.
 */
events: Array<JsonValue>, };

/**
 * What a subscription is answered with: as for bots, and how the bundles stand.
 */
export type SubscribedBacktests = { bundles: Array<BundleUpdated>, snapshots: Array<BacktestSnapshot>, 
/**
 * What a returning viewer missed of those that have no snapshot here.
 */
events: Array<JsonValue>, };

/**
 * A point in time in UTC with milliseconds, RFC 3339 on the wire.
 */
export type Timestamp = string;

export type Totals = { promptTokens: number, completionTokens: number, runs: number, };

export type Trade = { tradeId: string, symbol: string, side: string, price: number, quantity: number, fee?: number, realizedPnl?: number, openedAt?: Timestamp, closedAt?: Timestamp, };

export type TradeBatch = { trades: Array<{ [key in string]: JsonValue }>, };

export type UsageReport = { from: Timestamp, to: Timestamp, totals: Totals, byModel: Array<ByModel>, byDay: Array<ByDay>, };

export type UsageRequest = { from?: string, to?: string, };

/** A method answers once with `result`, or streams `item`s. */
export type HubMethod = { argument: unknown; result: unknown } | { argument: unknown; item: unknown };

/** What every event of a bot carries. */
export type BotStamp = { botId: string; epoch: Epoch; seq: number; ts: Timestamp };
/** What every event of a backtest carries. */
export type BacktestStamp = { backtestId: string; epoch: Epoch; seq: number; ts: Timestamp };
/** A heartbeat or report without fixed fields. */
export type Members = Record<string, unknown>;

export interface LlmHubMethods {
  SendMessage: { argument: NewMessage; result: Started };
  StreamMessage: { argument: NewMessage; item: ChatEvent };
  ResumeRun: { argument: RunRequest; item: ChatEvent };
  CancelRun: { argument: RunRequest; result: CancelledRun };
  ActiveRuns: { argument: ActiveRunsRequest; result: RunningRun[] };
  OpenConversation: { argument: OpenConversationRequest; result: OpenedConversation };
  CloseConversation: { argument: ConversationRequest; result: void };
  ListConversations: { argument: PageRequest; result: Page<ConversationSummary> };
  RenameConversation: { argument: RenameConversationRequest; result: void };
  DeleteConversation: { argument: ConversationRequest; result: void };
  Regenerate: { argument: Edit; result: Started };
  EditMessage: { argument: Edit; result: Started };
  ListModels: { argument: void; result: Model[] };
  GetUsage: { argument: UsageRequest; result: UsageReport };
}

export interface LlmHubEvents {
  ChatEvent: ChatEvent;
  ConversationChanged: { conversationId: ConversationId; change: ConversationChange };
}

export interface BotHubMethods {
  ListBots: { argument: void; result: Omit<BotSnapshot, keyof BotArrays>[] };
  SubscribeBots: { argument: SubscribeBotsRequest; result: Subscribed<BotSnapshot> };
  UnsubscribeBots: { argument: { botIds?: string[] }; result: void };
  GetBot: { argument: BotRequest; result: BotSnapshot };
  GetTrades: { argument: BotPageRequest; result: Page<Numbered<Trade>> };
  GetOrders: { argument: BotPageRequest; result: Page<Numbered<Order>> };
  GetLogs: { argument: BotPageRequest; result: Page<Numbered<LogLine>> };
  StartBot: { argument: BotRequest; result: CommandOutcome };
  StopBot: { argument: StopBotRequest; result: CommandOutcome };
  PauseBot: { argument: BotRequest; result: CommandOutcome };
  ResumeBot: { argument: BotRequest; result: CommandOutcome };
  ForceExit: { argument: ForceExitRequest; result: CommandOutcome };
  RegisterBots: { argument: RegisterBotsRequest; result: RegisteredBots };
  ReportBotEvents: { argument: ReportBotEventsRequest; result: Receipt };
  Heartbeat: { argument: BotRequest & Members; result: Receipt };
}

export interface BotHubEvents {
  BotSnapshot: BotSnapshot;
  BotStatus: BotStamp & BotStatus;
  PositionChanged: BotStamp & Position;
  OrderEvent: BotStamp & Order;
  TradeEvent: BotStamp & Trade;
  SignalEmitted: BotStamp & Signal;
  RiskEvent: BotStamp & Risk;
  Alert: BotStamp & Alert;
  CommandResult: BotStamp & CommandOutcome & { command: string; by: string };
  BotRemoved: BotStamp;
  BotHeartbeat: BotStamp & Members;
  PnlUpdated: BotStamp & Pnl;
  BalanceChanged: BotStamp & Balance;
  CandleClosed: BotStamp & Candle;
  LogLine: BotStamp & LogLine;
}

export interface BacktestHubMethods {
  ListBacktests: { argument: ListBacktestsRequest; result: Page<BacktestSnapshot> };
  GetBacktest: { argument: BacktestRequest; result: BacktestSnapshot };
  GetTrades: { argument: BacktestPageRequest; result: Page<Numbered<Members>> };
  GetLogs: { argument: BacktestPageRequest; result: Page<Numbered<LogLine>> };
  SubscribeBacktests: { argument: SubscribeBacktestsRequest; result: SubscribedBacktests };
  UnsubscribeBacktests: { argument: { backtestIds?: string[]; bundleId?: string }; result: void };
  CancelBacktest: { argument: BacktestRequest; result: CommandOutcome };
  RegisterBacktests: { argument: RegisterBacktestsRequest; result: RegisteredBacktests };
  ReportBacktestEvents: { argument: ReportBacktestEventsRequest; result: Receipt };
}

export interface BacktestHubEvents {
  BacktestSnapshot: BacktestSnapshot;
  BacktestQueued: BacktestStamp & Queued;
  BacktestStarted: BacktestStamp;
  EquityPoints: BacktestStamp & EquityPoints;
  TradeBatch: BacktestStamp & TradeBatch;
  BacktestCompleted: BacktestStamp & Completed;
  BacktestFailed: BacktestStamp & Failure;
  BacktestCancelled: BacktestStamp;
  BacktestRemoved: BacktestStamp;
  BacktestProgress: BacktestStamp & Progress;
  BacktestLog: BacktestStamp & LogLine;
  BundleUpdated: BundleUpdated;
}

/** The questions of the server that a worker answers. */
export interface WorkerQuestions {
  ExecuteCommand: { argument: ExecuteCommand; result: CommandAnswer };
}
