using System.Text.Json;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Http;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>The body of a request to create a run, read and validated field by field, as by the service.</summary>
internal sealed class RunRequest
{
    private static readonly string[] Gpus = ["CPU", "T4", "L4", "A10G", "L40S", "A100", "A100-80GB", "H100", "H200", "B200"];
    private static readonly string[] Modes = ["async", "sync", "sync_first_result", "stream"];
    private readonly List<JsonObject> _errors = [];
    private readonly JsonObject _body;

    private RunRequest(JsonObject body)
    {
        _body = body;
        Inputs = ReadInputs();
        Webhook = ReadText("webhook", nullable: true);
        Gpu = ReadChoice("gpu", "enum", Gpus);
        Mode = ReadChoice("execution_mode", "literal_error", Modes) ?? "async";
        Origin = ReadText("origin", nullable: false) ?? "api";
        BatchNumber = _body["batch_number"] is JsonValue number && number.TryGetValue(out int count) ? count : 1;
        WebhookIntermediateStatus = _body["webhook_intermediate_status"] is JsonValue flag && flag.TryGetValue(out bool wanted) && wanted;
    }

    public JsonObject Inputs { get; }

    public string? Webhook { get; }

    public bool WebhookIntermediateStatus { get; }

    public string? Gpu { get; }

    public string Mode { get; }

    public string Origin { get; }

    public int BatchNumber { get; }

    public JsonObject? BatchParameters => _body["batch_input_params"] as JsonObject;

    public JsonObject? WorkflowApi { get; private set; }

    public bool Has(string name) => _body.ContainsKey(name);

    /// <summary>Reads the body of a request. Malformed text is rejected at once, invalid fields by <see cref="Check"/>.</summary>
    public static RunRequest Read(HttpRequest request)
    {
        if (request.Body.Length == 0) throw ApiError.Invalid(Validation.Missing(["body"], null));
        string? type = request.Header("content-type");
        if (type is not null && type.IndexOf("json", StringComparison.OrdinalIgnoreCase) < 0) throw ApiError.Invalid(Validation.NotAnObject(request.BodyText));
        JsonNode? body;
        try
        {
            body = JsonNode.Parse(request.Body);
        }
        catch (JsonException e)
        {
            JsonArray at = ["body", e.BytePositionInLine ?? 0];
            throw ApiError.Invalid(Validation.Item("json_invalid", at, "JSON decode error", new JsonObject(), "Expecting property name enclosed in double quotes", "error"));
        }

        return new RunRequest(body as JsonObject ?? throw ApiError.Invalid(Validation.NotAnObject(body)));
    }

    /// <summary>An ID the request must have.</summary>
    public Guid RequiredId(string name)
    {
        if (!_body.TryGetPropertyValue(name, out JsonNode? value)) _errors.Insert(0, Validation.Missing(["body", name], _body));
        else if (ReadId(value) is Guid id) return id;
        else _errors.Insert(0, Validation.BadGuid(["body", name], value));
        return Guid.Empty;
    }

    /// <summary>A text the request must have.</summary>
    public string RequiredText(string name) => ReadText(name, nullable: false) ?? "";

    public Guid? OptionalId(string name)
    {
        if (_body[name] is not JsonNode value) return null;
        if (ReadId(value) is Guid id) return id;
        _errors.Add(Validation.BadGuid(["body", name], value));
        return null;
    }

    public JsonObject RequiredGraph(string name)
    {
        if (_body[name] is JsonObject graph) return WorkflowApi = graph;
        _errors.Add(Has(name)
            ? Validation.Item("dict_type", ["body", name], "Input should be a valid dictionary", _body[name])
            : Validation.Missing(["body", name], _body));
        return [];
    }

    /// <summary>Rejects the request if any field read so far is invalid.</summary>
    public void Check()
    {
        if (_errors.Count > 0) throw ApiError.Invalid(_errors);
    }

    private static Guid? ReadId(JsonNode? value) => value is JsonValue text && text.TryGetValue(out string? id) ? Validation.ReadGuid(id) : null;

    private JsonObject ReadInputs()
    {
        if (!_body.TryGetPropertyValue("inputs", out JsonNode? value)) return [];
        if (value is not JsonObject inputs)
        {
            _errors.Add(Validation.Item("dict_type", ["body", "inputs"], "Input should be a valid dictionary", value));
            return [];
        }

        foreach (KeyValuePair<string, JsonNode?> input in inputs.Where(i => i.Value is null or JsonObject))
        {
            _errors.AddRange(Validation.BadInput(["body", "inputs", input.Key], input.Value));
        }

        return inputs;
    }

    private string? ReadText(string name, bool nullable)
    {
        if (!_body.TryGetPropertyValue(name, out JsonNode? value) || (value is null && nullable)) return null;
        if (value is JsonValue text && text.TryGetValue(out string? read)) return read;
        _errors.Add(Validation.Item("string_type", ["body", name], "Input should be a valid string", value));
        return null;
    }

    private string? ReadChoice(string name, string type, string[] allowed)
    {
        if (_body[name] is not JsonNode value) return null;
        if (value is JsonValue text && text.TryGetValue(out string? read) && allowed.Contains(read)) return read;
        _errors.Add(Validation.NotOneOf(type, ["body", name], value, allowed));
        return null;
    }
}
