namespace ComfyDeploy.Emulator.Routes;

/// <summary>The database's message for a malformed ID. The service passes it on, including its SQL.</summary>
internal static class DatabaseText
{
    public static string MalformedId(string id, string query) =>
        "(sqlalchemy.dialects.postgresql.asyncpg.Error) <class 'asyncpg.exceptions.DataError'>: "
        + $"invalid input for query argument $1: '{id}' (invalid UUID '{id}': length must be between 32..36 characters, got {id.Length})\n"
        + $"[SQL: {query}]\n(Background on this error at: https://sqlalche.me/e/20/dbapi)";
}
