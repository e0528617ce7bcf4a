using System.Runtime.InteropServices;
using System.Security;

namespace ComfyDeploy;

/// <summary>The one place where a key becomes text, at the moment it is sent.</summary>
internal static class SecureStringText
{
    internal static string Reveal(this SecureString secret)
    {
        IntPtr text = Marshal.SecureStringToGlobalAllocUnicode(secret);
        try
        {
            return Marshal.PtrToStringUni(text) ?? string.Empty;
        }
        finally
        {
            Marshal.ZeroFreeGlobalAllocUnicode(text);
        }
    }

    internal static SecureString Protect(string text)
    {
        SecureString secret = new();
        foreach (char c in text) secret.AppendChar(c);
        secret.MakeReadOnly();
        return secret;
    }
}
