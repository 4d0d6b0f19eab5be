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
