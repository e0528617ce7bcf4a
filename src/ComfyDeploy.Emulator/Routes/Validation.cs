using System.Globalization;
using System.Text.Json.Nodes;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>The items of a 422 response, worded as the service's validator words them.</summary>
internal static class Validation
{
    public static JsonObject Item(string type, JsonArray at, string message, JsonNode? input, string? context = null, string contextKey = "expected")
    {
        JsonObject item = new() { ["type"] = type, ["loc"] = at, ["msg"] = message, ["input"] = input?.DeepClone() };
        if (context is not null) item["ctx"] = new JsonObject { [contextKey] = context };
        return item;
    }

    public static JsonObject Missing(JsonArray at, JsonNode? input) => Item("missing", at, "Field required", input);

    public static JsonObject NotAnObject(JsonNode? input) =>
        Item("model_attributes_type", ["body"], "Input should be a valid dictionary or object to extract fields from", input);

    public static JsonObject BadGuid(JsonArray at, JsonNode? input)
    {
        string? text = input is JsonValue value && value.TryGetValue(out string? s) ? s : null;
        if (text is null) return Item("uuid_type", at, "UUID input should be a string, bytes or UUID object", input);
        string why = text.Contains('-') || text.Length == 32
            ? "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-]"
            : $"invalid length: expected length 32 for simple format, found {text.Length}";
        return Item("uuid_parsing", at, "Input should be a valid UUID, " + why, input, why, "error");
    }

    public static JsonObject BadInteger(JsonArray at, JsonNode? input) =>
        Item("int_parsing", at, "Input should be a valid integer, unable to parse string as an integer", input);

    public static JsonObject BadBoolean(JsonArray at, JsonNode? input) =>
        Item("bool_parsing", at, "Input should be a valid boolean, unable to interpret input", input);

    public static JsonObject NotOneOf(string type, JsonArray at, JsonNode? input, IReadOnlyList<string> allowed)
    {
        IEnumerable<string> quoted = allowed.Select(word => $"'{word}'").ToList();
        string choice = string.Join(", ", quoted.Take(allowed.Count - 1)) + " or " + quoted.Last();
        return Item(type, at, "Input should be " + choice, input, choice);
    }

    /// <summary>The five items, one per allowed type, for an input that is null or an object.</summary>
    public static IEnumerable<JsonObject> BadInput(JsonArray at, JsonNode? input)
    {
        (string Type, string Member, string Noun)[] members =
            [("string_type", "str", "string"), ("int_type", "int", "integer"), ("float_type", "float", "number"), ("bool_type", "bool", "boolean"), ("list_type", "list[any]", "list")];
        foreach ((string type, string member, string noun) in members)
        {
            JsonArray where = (JsonArray)at.DeepClone();
            where.Add((JsonNode)member);
            yield return Item(type, where, "Input should be a valid " + noun, input);
        }
    }

    /// <summary>A UUID as the service accepts it: 36 characters, or only the 32 digits.</summary>
    public static Guid? ReadGuid(string text) =>
        Guid.TryParseExact(text, text.Length == 32 ? "N" : "D", out Guid id) ? id : null;

    public static int? ReadInteger(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int number) ? number : null;

    public static bool? ReadBoolean(string text) => text.ToLowerInvariant() switch
    {
        "true" or "1" or "yes" or "on" or "t" or "y" => true,
        "false" or "0" or "no" or "off" or "f" or "n" => false,
        _ => null,
    };
}
