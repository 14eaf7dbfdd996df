-- A DruidIngestion object, field by field; see druid.lua for how to read this. What a value must be beyond its
-- type is said in policies/ingestion/rules.lua.

local types = {
  Secret = { fields = {
    { "name", "text", "Name of the Secret." },
    { "namespace", "text", "Namespace of the Secret, which then has to allow it (nemeton.dev/readable-from)." },
  } },
  Auth = { fields = {
    { "type", "text", "How to log in: basic-auth." },
    { "secretRef", "Secret", "The Secret with name and password." },
    { "usernameKey", "text", "Key of the name in the Secret; OperatorUserName when it is left out." },
    { "passwordKey", "text", "Key of the password in the Secret; OperatorPassword when it is left out." },
  } },
  -- Druid's own: only what the rules look at is named.
  NativeSpec = { open = true, fields = { { "type", "text" } } },
  Compaction = { open = true, fields = { { "dataSource", "text" } } },
  Rule = { open = true, fields = { { "type", "text" } } },
  Ingestion = { required = { "type" }, fields = {
    { "type", "text",
      "native-batch, sql and index-hadoop are tasks, which run once; kafka, kinesis, rabbit, autocompact, scheduled_batch "
      .. "and supervisor (any other one) are supervisors, which run on." },
    { "nativeSpec", "NativeSpec",
      "What Druid is given: the specification of the task or supervisor as an object; for sql an object with query, "
      .. "and context and parameters if there are any." },
    { "spec", "text", "The same as JSON text; for sql the query will do. nativeSpec goes before it." },
    { "compaction", "Compaction",
      "Automatic compaction of the data source; its dataSource may be left out. Removed in Druid when it is removed here." },
    { "rules", "[Rule]",
      "Retention rules of the data source, all of them. The default ones come back when they are removed here." },
  } },
}

local spec = {
  { "druidCluster", "text", "Name of the Druid object, in the same namespace." },
  { "suspend", "boolean",
    "Stop the work without deleting it: a supervisor is suspended, a running task is stopped and begun anew later." },
  { "ingestion", "Ingestion", "The work, and what belongs to its data." },
  { "auth", "Auth", "Credentials for Druid's API, in place of those in the Druid object." },
}

local status = {
  { "observedGeneration", "int64", "The generation of the spec that was looked at last." },
  { "policyVersion", "text", "Version of the policies that wrote this." },
  { "phase", "text",
    "Waiting, Pending, Running, Succeeded, Failed, Suspended, Unhealthy, Lost, Rejected, Invalid, Paused or Deleting." },
  { "state", "text", "What Druid calls the state of the task or supervisor." },
  { "kind", "text", "task or supervisor." },
  { "taskId", "text", "Id of the task or supervisor in Druid." },
  { "message", "text", "How it is, in one line." },
  { "attempt", "int32", "How often a task was begun anew after it had been suspended." },
  { "runAgain", "text", "Value of the annotation nemeton.dev/run-again when the task was submitted." },
  { "suspended", "boolean", "Set while it is stopped because of spec.suspend." },
  { "currentIngestionSpec.json", "text", "What was submitted last." },
  { "rules", "[object]", "The retention rules that were set." },
  { "rulesDataSource", "text", "Their data source." },
  { "compaction", "object", "The automatic compaction that was set." },
  { "compactionDataSource", "text", "Its data source." },
  { "unverified", "boolean", "Druid keeps the specification in other words, so changes in Druid go unseen." },
  { "unverified_rules", "boolean", "The same of the rules." },
  { "unverified_compaction", "boolean", "The same of the compaction." },
  { "conditions", { list = true, key = "type", required = { "type", "status" }, fields = {
    { "type", "text", "Ready, Degraded, SettingsApplied or PolicyError." },
    { "status", "text", "True, False or Unknown." },
    { "reason", "text", "The reason as one word." },
    { "message", "text", "The reason in words." },
    { "observedGeneration", "int64", "The generation of the spec that it speaks of." },
    { "lastTransitionTime", "time", "When the status last changed." },
  } }, "Ready, Degraded, SettingsApplied (rules and compaction) and PolicyError." },
  { "type", "text", "The last step as earlier operators called it." },
  { "status", "text", "False when something is wrong." },
  { "reason", "text", "The phase again." },
  { "lastUpdateTime", "time", "When something of this last changed." },
}

return {
  comment = "Work for a Druid cluster, as Kubernetes knows it.",
  kind = "DruidIngestion",
  plural = "druidingestions",
  about = "Work for a Druid cluster: a batch, a stream, and the rules and compaction of its data.",
  columns = {
    { "Cluster", "string", ".spec.druidCluster" },
    { "Type", "string", ".spec.ingestion.type" },
    { "Phase", "string", ".status.phase" },
    { "Id", "string", ".status.taskId" },
    { "Status", "string", ".status.message" },
    { "Age", "date", ".metadata.creationTimestamp" },
  },
  types = types,
  spec = { about = "What is to be done.", fields = spec, required = { "druidCluster", "ingestion" } },
  status = { about = "How far it is.", fields = status },
  rules = "ingestion.rules",
}
